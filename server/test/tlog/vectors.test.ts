import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  checkSunlight,
  checkTessera,
  checkWycheproofEd25519,
  checkWycheproofMlDsa,
  skipWithout,
} from './vectors.ts'

suite('official vectors of the transparency log', () => {
  const tessera = skipWithout('tlog-tiles-tessera')
  test(
    "Tessera's test log from its entries and key, byte for byte",
    { skip: tessera },
    async () => {
      const found = await checkTessera()
      assert.deepEqual(found, {
        checkpoints: 16,
        tiles: 15,
        bundles: 15,
        inclusionProofs: 120,
        consistencyProofs: 120,
      })
    },
  )

  const sunlight = skipWithout('tlog-cosignature-sunlight')
  test("the cosignatures of Sunlight's witness and mirror verify", { skip: sunlight }, () => {
    assert.deepEqual(checkSunlight(), { keys: 3, cosignatures: 3 })
  })

  const wycheproof = skipWithout('wycheproof-ed25519')
  test('Wycheproof judges Ed25519 as we do', { skip: wycheproof }, () => {
    assert.deepEqual(checkWycheproofEd25519(), { cases: 151, accepted: 88 })
  })
  test('Wycheproof judges ML-DSA-44 as we do', { skip: wycheproof }, () => {
    assert.deepEqual(checkWycheproofMlDsa(), { cases: 180, accepted: 77 })
  })
})
