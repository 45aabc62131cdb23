import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { exampleManifest, exampleSchemas, exampleText } from './example.test-data.ts'
import { fingerprint, manifestHash, pactHash } from './fingerprint.ts'
import { parseManifest } from './manifest.ts'

const manifest = exampleManifest()
const before = fingerprint(manifest, exampleSchemas)

suite('fingerprint', () => {
  test('does not depend on key order or YAML formatting', () => {
    const json = JSON.stringify(Object.fromEntries(Object.entries(manifest).toReversed()), null, 3)
    const outcome = parseManifest(json, 'agent.json')
    assert.ok(outcome.kind === 'ok')
    const schemas = Object.fromEntries(Object.entries(exampleSchemas).toReversed())
    assert.deepEqual(fingerprint(outcome.manifest, schemas), before)
    assert.equal(pactHash(outcome.manifest), pactHash(manifest))
    assert.equal(manifestHash(outcome.manifest), manifestHash(manifest))
    const commented = parseManifest(`# a comment\n${exampleText}`, 'agent.yaml')
    assert.ok(commented.kind === 'ok')
    assert.deepEqual(fingerprint(commented.manifest, exampleSchemas), before)
  })

  test('is what it was before models had endpoints', () => {
    assert.deepEqual(
      [before.version, pactHash(manifest), manifestHash(manifest)],
      [
        '3a76c1404e3eaba0968c83d7987c272cf757cd3ed32e586d7563b5fc371f405e',
        'df46b668c390ad68cc6d00a3e5de327486d8b440823d1e7b110b518049a98acf',
        '791f7fe708e4139f059aa44328f98b66d539b4fa0105d72309fc7ef6e2348ec8',
      ],
    )
  })

  const cases: [string, [string, string], 'model' | 'prompt' | 'tools' | 'settings'][] = [
    ['model', ['maxOutputTokens: 16384', 'maxOutputTokens: 8192'], 'model'],
    ['endpoint', ['127.0.0.1:9000', '127.0.0.1:9001'], 'model'],
    ['prompt', ['You are a desk.', 'You are a chair.'], 'prompt'],
    ['tool server', ['command: node', 'command: bun'], 'tools'],
    ['setting', ['temperature: 0', 'temperature: 1'], 'settings'],
  ]
  for (const [name, change, component] of cases) {
    test(`another ${name} changes its component and the version, not the pact`, () => {
      const after = fingerprint(exampleManifest(change), exampleSchemas)
      const { components } = before
      assert.deepEqual(after.components, {
        ...components,
        [component]: after.components[component],
      })
      assert.notEqual(after.components[component], components[component])
      assert.notEqual(after.version, before.version)
      assert.equal(pactHash(exampleManifest(change)), pactHash(manifest))
    })
  }

  test('another tool schema changes the tools', () => {
    const schemas = { ...exampleSchemas, 'retail/pay': { inputSchema: { type: 'object' } } }
    const after = fingerprint(manifest, schemas)
    assert.notEqual(after.components.tools, before.components.tools)
  })

  const pacts: [string, [string, string]][] = [
    ['rule', ['call.amount > 20000', 'call.amount > 10000']],
    ['limit', ['calls: 200', 'calls: 100']],
    ['contract', ['effect: irreversible', 'effect: read']],
    ['price', ['"0.40"', '"0.50"']],
    ['number of attempts', ['maxOutputTokens', 'retries: { attempts: 2 }\n    maxOutputTokens']],
  ]
  for (const [name, change] of pacts) {
    test(`another ${name} changes the pact, not the version`, () => {
      const changed = exampleManifest(change)
      assert.notEqual(pactHash(changed), pactHash(manifest))
      assert.equal(fingerprint(changed, exampleSchemas).version, before.version)
    })
  }
})
