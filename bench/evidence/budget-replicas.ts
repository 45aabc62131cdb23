// Three gateways on one PostgreSQL share one budget while 300 clients spend it, and one gateway is
// killed on the way. The provider's books say what was really used: never more than the limit, and
// nearly all of it once the unknown calls are reconciled.
import { startFakeProvider } from '../../examples/provider/server.ts'
import { startAirworthy } from '../airworthy.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import { type Budgeted, runRound, type RoundFigures } from './model-drills/budget-round.ts'
import { endpointOf, enrolDrill, keyVariable, providerKey } from './model-drills/ground.ts'
import { DrillRecord } from './model-drills/ledgers.ts'

const clients = 300
/** US dollars: some 1,300 calls, or 5,000. */
const agentUsd = { quick: '0.12', full: '0.48' }
const organisationTokens = { quick: 100_000, full: 400_000 }
const nanoPerUsd = 1e9
const policy = 'budget-replicas'

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  const size = quick ? 'quick' : 'full'
  await using provider = await startFakeProvider()
  const env = { [keyVariable]: providerKey }
  await using first = await startAirworthy({ env })
  await using second = await startAirworthy({ replicaOf: first, env })
  await using record = await DrillRecord.open(first.databaseUrl)
  const upstream = { name: 'e0', providerUrl: provider.url, upstreamModel: 'fake' }
  const model = {
    name: 'fake',
    endpoints: [endpointOf('openai-chat', upstream)],
    retries: { attempts: 1 },
    timeoutMs: 10_000,
    firstByteTimeoutMs: 5000,
    idleTimeoutMs: 1000,
  }
  const enrol = async (agent: string, limits: object) => {
    const { agentId: id, apiKey } = await enrolDrill(first, { agent, models: [model], limits })
    return { name: agent, id, apiKey }
  }
  const plenty = { calls: 100_000_000, tokens: 1_000_000_000, moneyUsd: '10000' }
  const round = async (budgeted: Budgeted): Promise<RoundFigures> => {
    await using third = await startAirworthy({ replicaOf: first, env })
    const gateways = [first, second, third]
    return await runRound({ provider, gateways, record, clients, log }, budgeted)
  }
  const rounds: RoundFigures[] = []
  const limits = { session: plenty, agent: { ...plenty, moneyUsd: agentUsd[size] } }
  const alone = await enrol('budget-of-agent', limits)
  const limit = Number(agentUsd[size]) * nanoPerUsd
  rounds.push(await round({ name: 'agent', agents: [alone], limit, unit: 'nano_usd' }))
  const shared = [
    await enrol('budget-shared-1', { session: plenty, agent: plenty }),
    await enrol('budget-shared-2', { session: plenty, agent: plenty }),
  ]
  const tokens = organisationTokens[size]
  const window = { kind: 'whole' } as const
  await first.client.setBudget(policy, { scope: 'organisation', window, limits: { tokens } })
  rounds.push(await round({ name: 'organisation', agents: shared, limit: tokens, unit: 'tokens' }))
  return { gateways: 3, rounds, holds: rounds.every((each) => each.holds) }
}
