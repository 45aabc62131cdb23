import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { compiled, exampleManifest, exampleSchemas } from '../pact/example.test-data.ts'
import { compareWorlds, effectiveClass, proofKeysOf } from './proof.ts'

const name = 'retail/cancel_pending_order'
const pact = compiled(exampleManifest())

function same(a: unknown, b: unknown): boolean {
  try {
    assert.deepEqual(a, b)
    return true
  } catch {
    return false
  }
}

function keyOf(manifest = exampleManifest(), schemas = exampleSchemas) {
  return proofKeysOf(manifest, schemas).get(name)
}

suite('compareWorlds', () => {
  test('proves exactly what changed and came back', () => {
    // What JSON gives has the usual prototype, and strict equality minds it.
    const world = fc.dictionary(fc.string(), fc.integer(), { noNullPrototype: true })
    fc.assert(
      fc.property(world, world, world, (before, after, restored) => {
        const isProved = !same(before, after) && same(before, restored)
        const { kind } = compareWorlds({ before, after, restored })
        assert.equal(kind, isProved ? 'proved' : 'disproved')
      }),
    )
  })
})

suite('proofs', () => {
  test('are about tools that have an undo', () => {
    assert.deepEqual([...proofKeysOf(exampleManifest(), exampleSchemas).keys()], [name])
  })

  test('are lost when the contract, the tool or its undo changes, and by nothing else', () => {
    const manifest = exampleManifest()
    const contract = manifest.tools[name]
    assert(contract !== undefined)
    const changed = {
      ...manifest,
      tools: { ...manifest.tools, [name]: { ...contract, windowSeconds: 9 } },
    }
    assert.notDeepEqual(keyOf(changed), keyOf())
    for (const tool of [name, 'retail/undo_effect']) {
      const schemas = { ...exampleSchemas, [tool]: { inputSchema: { type: 'object' } } }
      assert.notDeepEqual(keyOf(manifest, schemas), keyOf())
    }
    const other = { ...exampleSchemas, 'retail/pay': { inputSchema: { type: 'object' } } }
    const agent = { ...manifest.agent, name: 'another' }
    assert.deepEqual(keyOf({ ...manifest, agent }, other), keyOf())
  })

  test('widen what rules see, from irreversible to what the contract declares', () => {
    const tool = pact.tools.get(name)
    const read = pact.tools.get('retail/get_order_details')
    assert(tool !== undefined && read !== undefined)
    const strict = { unproven: 'irreversible' } as const
    assert.equal(effectiveClass(tool, { pact: strict, isProved: false }), 'irreversible')
    assert.equal(effectiveClass(tool, { pact: strict, isProved: true }), 'reversible')
    const declared = { unproven: 'declared' } as const
    assert.equal(effectiveClass(tool, { pact: declared, isProved: false }), 'reversible')
    assert.equal(effectiveClass(read, { pact: strict, isProved: false }), 'read')
    assert.equal(pact.unproven, 'irreversible')
  })
})
