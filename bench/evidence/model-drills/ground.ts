// The agents of model drills, and their manifests.
import type { Airworthy } from '../../airworthy.ts'
import type { Access } from './call.ts'

export const keyVariable = 'MODEL_DRILLS_PROVIDER_KEY'
export const providerKey = 'sk-fake-provider'

export type DrillEndpoint = {
  readonly name: string
  readonly wire: 'openai' | 'anthropic'
  readonly apis: readonly string[]
  readonly baseUrl: string
  readonly upstreamModel: string
  readonly tier?: number
  readonly prices?: object
}

export type DrillModel = {
  readonly name: string
  readonly endpoints: readonly DrillEndpoint[]
  readonly prices?: object
} & Readonly<Record<string, unknown>>

export const prices = { inputPerMillionUsd: '0.40', outputPerMillionUsd: '1.60' }

export function endpointOf(
  kind: 'openai-chat' | 'openai-responses' | 'anthropic',
  given: { readonly name: string; readonly providerUrl: string; readonly upstreamModel: string },
): DrillEndpoint {
  const { name, providerUrl, upstreamModel } = given
  const isAnthropic = kind === 'anthropic'
  return {
    name,
    wire: isAnthropic ? 'anthropic' : 'openai',
    apis: [isAnthropic ? 'messages' : kind === 'openai-chat' ? 'chat' : 'responses'],
    baseUrl: `${providerUrl}/${isAnthropic ? 'anthropic' : 'openai'}/v1`,
    upstreamModel,
  }
}

/** Without `limits` no budget is ever short. */
export async function enrolDrill(
  airworthy: Airworthy,
  options: {
    readonly agent: string
    readonly models: readonly DrillModel[]
    readonly limits?: object
  },
): Promise<{ readonly apiKey: string; readonly agentId: string }> {
  const { agent, models, limits } = options
  const manifest = JSON.stringify({
    schema: 'airworthy.manifest/1',
    agent: { name: agent, owner: 'bench@example.com', stakes: 'low' },
    models: models.map(({ endpoints, ...model }) => ({
      prices,
      maxOutputTokens: 256,
      contextTokens: 200_000,
      ...model,
      endpoints: endpoints.map((endpoint) => ({ apiKeyEnv: keyVariable, ...endpoint })),
    })),
    limits: limits ?? {
      session: { calls: 100_000_000, tokens: 1_000_000_000_000, moneyUsd: '1000000' },
      agent: { calls: 100_000_000, tokens: 1_000_000_000_000, moneyUsd: '1000000' },
    },
    pact: { permissions: [{ id: 'models', effect: 'allow', models: ['*'] }] },
  })
  const enrolled = await airworthy.client.enrolAgent({ manifest, file: `${agent}.json` })
  if (enrolled.apiKey === null) throw new Error(`${agent} was enrolled before`)
  return { apiKey: enrolled.apiKey, agentId: enrolled.agent.id }
}

export async function openAccess(
  airworthy: Airworthy,
  given: { readonly agent: string; readonly apiKey: string },
): Promise<Access & { readonly sessionId: string }> {
  const { session, sessionKey } = await airworthy.client.openSession({ agent: given.agent })
  return { sessionKey, sessionId: session.id, apiKey: given.apiKey }
}

/** Runs the jobs, so many at once. */
export async function inParallel<Job>(
  jobs: readonly Job[],
  options: { readonly width: number; readonly work: (job: Job) => Promise<void> },
): Promise<void> {
  const queue = jobs.values()
  const worker = async (): Promise<void> => {
    for (const job of queue) await options.work(job)
  }
  await Promise.all(Array.from({ length: options.width }, worker))
}
