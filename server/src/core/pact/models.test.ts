import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { compiled, exampleManifest, exampleText } from './example.test-data.ts'
import { parseManifest } from './manifest.ts'

const short = `  - name: gpt-4.1-mini
    wire: openai
    baseUrl: http://127.0.0.1:9000/v1
    prices:`

/** The example with its one model written so; `prices` and the reply limit follow. */
function withModel(text: string): [string, string] {
  return [short, `  - name: gpt-4.1-mini\n${text}\n    prices:`]
}

function modelOf(text: string) {
  const model = compiled(exampleManifest(withModel(text))).models.get('gpt-4.1-mini')
  assert(model !== undefined)
  return model
}

const pool = `    endpoints:
      - { name: cloud, wire: openai, baseUrl: "https://api.openai.com/v1", apiKeyEnvs: [A, B] }
      - name: claude
        wire: anthropic
        baseUrl: https://h/v1
        upstreamModel: claude-9
        tier: 1
        weight: 3
        prices: { inputPerMillionUsd: "1", outputPerMillionUsd: "2" }
      - { name: local, wire: openai, baseUrl: "http://127.0.0.1:11434/v1", tier: 2, auth: api-key }`

suite('models', () => {
  test('one that is written in short is a pool of one, tried once', () => {
    const model = modelOf('    wire: openai\n    baseUrl: https://h/v1\n    apiKeyEnv: KEY')
    const [endpoint] = model.endpoints
    assert.equal(model.endpoints.length, 1)
    assert(endpoint !== undefined)
    const { prices, apis, ...rest } = endpoint
    assert.deepEqual(rest, {
      name: 'default',
      wire: 'openai',
      baseUrl: 'https://h/v1',
      upstreamModel: 'gpt-4.1-mini',
      apiKeyEnvs: ['KEY'],
      auth: 'bearer',
      tier: 0,
      weight: 1,
      outputLimitField: 'max_tokens',
      provider: undefined,
      probe: undefined,
    })
    assert.deepEqual([...apis], ['chat', 'embeddings'])
    assert(prices !== undefined)
    assert.deepEqual(
      [model.retries.attempts, model.firstByteTimeoutMs, model.idleTimeoutMs],
      [1, 600_000, 600_000],
    )
  })

  test('endpoints have what they say, and of the model what they do not', () => {
    const model = modelOf(pool)
    assert.deepEqual(
      model.endpoints.map((one) => [one.name, one.tier, one.weight, one.auth, one.upstreamModel]),
      [
        ['cloud', 0, 1, 'bearer', 'gpt-4.1-mini'],
        ['claude', 1, 3, 'x-api-key', 'claude-9'],
        ['local', 2, 1, 'api-key', 'gpt-4.1-mini'],
      ],
    )
    assert.deepEqual(
      model.endpoints.map((one) => [...one.apis].join()),
      ['chat,responses,embeddings', 'messages', 'chat,embeddings'],
    )
    // OpenAI's thinking models refuse the older name.
    assert.deepEqual(
      model.endpoints.map((one) => one.outputLimitField),
      ['max_completion_tokens', 'max_tokens', 'max_tokens'],
    )
    assert.deepEqual(model.endpoints[0]?.apiKeyEnvs, ['A', 'B'])
    assert.notEqual(model.endpoints[1]?.prices?.hash, model.endpoints[0]?.prices?.hash)
    assert.equal(model.retries.attempts, 3)
  })

  test('a wait within a call is never longer than the call', () => {
    const model = modelOf(`${pool}\n    timeoutMs: 1000\n    idleTimeoutMs: 5000`)
    assert.deepEqual([model.firstByteTimeoutMs, model.idleTimeoutMs], [1000, 1000])
  })

  const wrong: [string, string, RegExp][] = [
    ['neither in short nor with endpoints', '    tokenizer: bytes', /models\[0\]\.wire.*openai or/],
    ['in short and with endpoints', `    wire: openai\n${pool}`, /wire.*nothing here/],
    ['no endpoint', '    endpoints: []', /endpoints.*at least one endpoint/],
    ['a name twice', pool.replace('claude\n', 'cloud\n'), /endpoints\[1\]\.name.*taken/],
    [
      'one key and several',
      pool.replace('apiKeyEnvs', 'apiKeyEnv: C, apiKeyEnvs'),
      /apiKeyEnvs.*either apiKeyEnv or/,
    ],
    ['messages of OpenAI', pool.replace('tier: 2', 'apis: [messages]'), /apis.*anthropic wire/],
    ['chat of Anthropic', pool.replace('tier: 1', 'apis: [chat]'), /apis.*messages alone/],
    ['a redirect to nobody', `${pool}\n    onBudget: { redirect: x }`, /redirect.*a model of this/],
    [
      'a redirect to itself',
      `${pool}\n    onBudget: { redirect: gpt-4.1-mini }`,
      /redirect.*does not come back/,
    ],
    ['more attempts than anybody waits for', `${pool}\n    retries: { attempts: 11 }`, /attempts/],
  ]
  for (const [name, text, expected] of wrong) {
    test(`refuses ${name}`, () => {
      const [from, to] = withModel(text)
      const outcome = parseManifest(exampleText.replace(from, to), 'agent.yaml')
      assert(outcome.kind === 'invalid')
      assert.match(
        outcome.problems.map((one) => `${one.path}: ${one.message}`).join('\n'),
        expected,
      )
    })
  }
})
