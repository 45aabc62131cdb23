// Which model the example agent speaks to, and what its manifest says about it. The key is named
// here and read by the server alone: the agent never has it.
import type { Environment } from './options.ts'

export type Provider = {
  /** What every output calls it. */
  readonly label: string
  readonly isScripted: boolean
  readonly baseUrl: string
  readonly model: string
  /** The environment variable with its key. */
  readonly apiKeyEnv: string | undefined
  /** Null: nobody has told them, so calls are counted as free and said to be unpriced. */
  readonly prices: Prices | null
}

/** US dollars for a million tokens. */
type Prices = { readonly input: string; readonly cachedInput?: string; readonly output: string }

const free: Prices = { input: '0', output: '0' }

/** List prices of the models that are used when nobody names another one. */
const listPrices: ReadonlyMap<string, Prices> = new Map([
  ['gpt-4.1-mini', { input: '0.40', cachedInput: '0.10', output: '1.60' }],
  ['claude-haiku-4-5', { input: '1.00', output: '5.00' }],
])

/** The provider of the user, or undefined: then the scripted model answers. */
export function findProvider(environment: Environment): Provider | undefined {
  const read = (name: string) => environment[name]?.trim() || undefined
  const has = (name: string) => (read(name) === undefined ? undefined : name)
  const given = (name: string, options: Given): Provider => {
    const model = read('AIRWORTHY_MODEL') ?? options.model
    const prices = options.prices ?? listPrices.get(model) ?? null
    const { baseUrl, apiKeyEnv } = options
    const label = `${model} of ${name}`
    return { label, isScripted: false, baseUrl: trimmed(baseUrl), model, apiKeyEnv, prices }
  }
  const url = read('AIRWORTHY_MODEL_URL')
  if (url !== undefined) {
    return given(url, { baseUrl: url, model: 'default', apiKeyEnv: has('MODEL_API_KEY') })
  }
  if (read('OPENAI_API_KEY') !== undefined) {
    const baseUrl = read('OPENAI_BASE_URL') ?? 'https://api.openai.com/v1'
    return given('OpenAI', { baseUrl, model: 'gpt-4.1-mini', apiKeyEnv: 'OPENAI_API_KEY' })
  }
  if (read('ANTHROPIC_API_KEY') !== undefined) {
    const baseUrl = 'https://api.anthropic.com/v1'
    return given('Anthropic', {
      baseUrl,
      model: 'claude-haiku-4-5',
      apiKeyEnv: 'ANTHROPIC_API_KEY',
    })
  }
  const ollama = read('OLLAMA_HOST')
  if (ollama === undefined) return undefined
  return given('Ollama', { baseUrl: ollamaUrl(ollama), model: 'llama3.1', prices: free })
}

type Given = {
  readonly baseUrl: string
  readonly model: string
  readonly apiKeyEnv?: string | undefined
  readonly prices?: Prices
}

export function scriptedProvider(baseUrl: string): Provider {
  return {
    label: 'the scripted model',
    isScripted: true,
    baseUrl,
    model: 'scripted-model',
    apiKeyEnv: undefined,
    prices: { input: '0.40', output: '1.60' },
  }
}

function trimmed(url: string): string {
  return url.replace(/\/+$/u, '')
}

/** Ollama's own variable is a host, with or without scheme and port; 0.0.0.0 is where it listens. */
function ollamaUrl(host: string): string {
  const url = new URL(/^https?:\/\//u.test(host) ? host : `http://${host}`)
  if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1'
  if (url.port === '' && url.protocol === 'http:') url.port = '11434'
  return `${trimmed(url.href)}/v1`
}

/** The manifest's text with the addresses of this start. By line, so that the rest stays as it is. */
export function fillManifest(
  text: string,
  options: { readonly provider: Provider; readonly shopMcpUrl: string },
): string {
  const { provider, shopMcpUrl } = options
  const { input, cachedInput, output } = provider.prices ?? free
  const prices = [
    `inputPerMillionUsd: '${input}'`,
    ...(cachedInput === undefined ? [] : [`cachedInputPerMillionUsd: '${cachedInput}'`]),
    `outputPerMillionUsd: '${output}'`,
  ]
  const key = provider.apiKeyEnv === undefined ? '' : `\n    apiKeyEnv: ${provider.apiKeyEnv}`
  // A function as the replacement: `$&` in an address would otherwise mean something.
  return text
    .replace(/^( {2}- name: ).*$/mu, (_, name: string) => name + JSON.stringify(provider.model))
    .replace(
      /^( {4}baseUrl: ).*$/mu,
      (_, name: string) => name + JSON.stringify(provider.baseUrl) + key,
    )
    .replace(/^( {4}prices: ).*$/mu, (_, name: string) => `${name}{ ${prices.join(', ')} }`)
    .replace(/^( {4}url: ).*$/mu, (_, name: string) => name + JSON.stringify(shopMcpUrl))
}
