import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fillManifest, findProvider, scriptedProvider } from './provider.ts'
import { systemPrompt } from './system-prompt.ts'

const manifestFile = join(import.meta.dirname, '../agents/retail-desk.yaml')

type Case = {
  environment: Record<string, string>
  baseUrl: string
  model: string
  apiKeyEnv: string | undefined
  isPriced: boolean
}

const cases: Case[] = [
  {
    environment: { OPENAI_API_KEY: 'k' },
    baseUrl: 'https://api.openai.com/v1',
    model: 'gpt-4.1-mini',
    apiKeyEnv: 'OPENAI_API_KEY',
    isPriced: true,
  },
  {
    environment: { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'http://10.0.0.1/v1/' },
    baseUrl: 'http://10.0.0.1/v1',
    model: 'gpt-4.1-mini',
    apiKeyEnv: 'OPENAI_API_KEY',
    isPriced: true,
  },
  {
    environment: { ANTHROPIC_API_KEY: 'k', AIRWORTHY_MODEL: 'claude-next' },
    baseUrl: 'https://api.anthropic.com/v1',
    model: 'claude-next',
    apiKeyEnv: 'ANTHROPIC_API_KEY',
    isPriced: false,
  },
  {
    environment: { OLLAMA_HOST: '0.0.0.0' },
    baseUrl: 'http://127.0.0.1:11434/v1',
    model: 'llama3.1',
    apiKeyEnv: undefined,
    isPriced: true,
  },
  {
    environment: {
      AIRWORTHY_MODEL_URL: 'http://localhost:8000/v1',
      AIRWORTHY_MODEL: 'qwen',
      MODEL_API_KEY: 'k',
      OPENAI_API_KEY: 'other',
    },
    baseUrl: 'http://localhost:8000/v1',
    model: 'qwen',
    apiKeyEnv: 'MODEL_API_KEY',
    isPriced: false,
  },
]

describe('the provider', () => {
  for (const { environment, isPriced, ...expected } of cases) {
    it(`is found in ${Object.keys(environment).join(', ')}`, () => {
      const provider = findProvider(environment)
      assert(provider !== undefined)
      const { baseUrl, model, apiKeyEnv, prices } = provider
      assert.deepEqual({ baseUrl, model, apiKeyEnv }, expected)
      assert.equal(prices !== null, isPriced)
      assert.equal(provider.isScripted, false)
    })
  }

  it('is none when no variable says one, or an empty one does', () => {
    assert.equal(findProvider({ OPENAI_API_KEY: '' }), undefined)
  })
})

describe('the manifest', () => {
  it('gets addresses, model, key and prices, and nothing else changes', async () => {
    const text = await readFile(manifestFile, 'utf8')
    const provider = findProvider({ OPENAI_API_KEY: 'k' })
    assert(provider !== undefined)
    const filled = fillManifest(text, { provider, shopMcpUrl: 'http://127.0.0.1:1/mcp' })
    const before = text.split('\n')
    const added = filled.split('\n').filter((line) => !before.includes(line))
    assert.deepEqual(added, [
      '  - name: "gpt-4.1-mini"',
      '    baseUrl: "https://api.openai.com/v1"',
      '    apiKeyEnv: OPENAI_API_KEY',
      "    prices: { inputPerMillionUsd: '0.40', cachedInputPerMillionUsd: '0.10', " +
        "outputPerMillionUsd: '1.60' }",
      '    url: "http://127.0.0.1:1/mcp"',
    ])
  })

  it('has the prices of the scripted model, and the prompt of the agent', async () => {
    const text = await readFile(manifestFile, 'utf8')
    const provider = scriptedProvider('http://127.0.0.1:4102/v1')
    const filled = fillManifest(text, { provider, shopMcpUrl: 'http://127.0.0.1:4101/mcp' })
    assert.equal(filled.split('\n').length, text.split('\n').length)
    for (const line of systemPrompt('{{today}}').split('\n')) {
      assert(text.includes(line === '' ? '\n\n' : `      ${line}\n`), line)
    }
  })
})
