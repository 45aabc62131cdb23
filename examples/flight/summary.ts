// The flight summary. Its figures are read from the server's record and from the shop's own journal,
// never from what the agent believes.
import type { Call, CallState, Client, Hold, LogSummary, Verdict } from '@airworthy/sdk'
import { journalRows, openShop } from '../retail/index.ts'
import type { FlownSession } from './fly.ts'
import type { Provider } from './provider.ts'
import type { SessionName } from './sessions.ts'

export type FlightSummary = {
  readonly agent: string
  readonly agentVersion: number
  readonly pactVersion: number
  readonly model: string
  readonly isScripted: boolean
  readonly sessions: number
  readonly calls: number
  readonly modelCalls: number
  readonly modelCallsStreamed: number
  readonly toolCalls: number
  readonly undoCalls: number
  readonly decisions: Readonly<Record<Verdict, number>>
  /** By the rule that spoke, or by the code where no rule did. */
  readonly denials: Readonly<Record<string, number>>
  /** Answered from a stored result. */
  readonly repeats: number
  /** Writes by what became of them. */
  readonly effects: Readonly<Record<string, number>>
  readonly holds: Readonly<Record<string, number>>
  readonly tokens: number
  readonly costNanoUsd: string
  /** Null where nobody has said what the model costs. */
  readonly costBasis: 'prices and usage' | 'prices and estimated usage' | null
  /** Null where the model's own time is not known. */
  readonly addedLatencyMsP50: number | null
  readonly addedLatencyMsP99: number | null
  readonly entries: string
  readonly entriesOfThisFlight: string
  readonly gaps: number
  readonly callsWithoutOutcome: number
  /** Rows of the shop's journal for the write that was asked for again; null: none was. */
  readonly repeatedWriteRows: number | null
  readonly durationMs: number
  readonly listening: string
  readonly dataDir: string
  readonly database: 'embedded' | 'DATABASE_URL'
  readonly flights: readonly FlightLine[]
  /** Calls that the text suggests to look at. */
  readonly examples: { readonly undoable: string | null; readonly denied: string | null }
}

export type FlightLine = {
  readonly name: SessionName
  readonly title: string
  readonly sessionId: string
  readonly modelCalls: number
  readonly toolCalls: number
  readonly states: Readonly<Partial<Record<CallState, number>>>
  readonly denials: Readonly<Record<string, number>>
  readonly effects: Readonly<Record<string, number>>
  readonly stoppedBy: string | null
  /** Of the shop: a row for each write that it executed. */
  readonly journalRows: number
}

export type SummaryOptions = {
  readonly client: Client
  readonly flown: readonly FlownSession[]
  readonly provider: Provider
  readonly agent: { readonly name: string; readonly version: number; readonly pact: number }
  readonly servedMs: (completionId: string) => number | undefined
  readonly entriesBefore: string
  readonly durationMs: number
  readonly server: {
    readonly url: string
    readonly dataDir: string
    readonly isEmbedded: boolean
    readonly databaseUrl: string
  }
}

export async function summarise(options: SummaryOptions): Promise<FlightSummary> {
  const { client, flown, provider, agent, server } = options
  const calls = flown.flatMap((each) => each.calls)
  const effects = flown.flatMap((each) => each.effects)
  const log = await client.getLog()
  const holds = await holdsOf(client, flown)
  const journal = await readJournal(server.databaseUrl, flown)
  return {
    agent: agent.name,
    agentVersion: agent.version,
    pactVersion: agent.pact,
    model: provider.label,
    isScripted: provider.isScripted,
    sessions: flown.length,
    calls: calls.length,
    modelCalls: calls.filter((call) => call.kind === 'model').length,
    modelCallsStreamed: flown.flatMap((each) => each.modelAnswers).filter((one) => one.isStreamed)
      .length,
    toolCalls: calls.filter((call) => call.kind === 'tool').length,
    undoCalls: calls.filter((call) => call.kind === 'undo').length,
    decisions: {
      allow: countVerdict(calls, 'allow'),
      hold: countVerdict(calls, 'hold'),
      deny: countVerdict(calls, 'deny'),
    },
    denials: denialsOf(calls),
    repeats: calls.filter((call) => call.state === 'repeated').length,
    effects: countBy(effects, (effect) => effect.state),
    holds: countBy(holds, (hold) => hold.state),
    ...moneyOf(options),
    ...latencyOf(options),
    ...logOf(log, options.entriesBefore),
    repeatedWriteRows: repeatedRows(flown, journal),
    durationMs: Math.round(options.durationMs),
    listening: server.url,
    dataDir: server.dataDir,
    database: server.isEmbedded ? 'embedded' : 'DATABASE_URL',
    flights: flown.map((each) => lineOf(each, journal)),
    examples: {
      undoable: effects.find((each) => each.state === 'done')?.callId ?? null,
      denied: calls.find((call) => call.code === 'policy.denied')?.id ?? null,
    },
  }
}

function countVerdict(calls: readonly Call[], verdict: Verdict): number {
  return calls.filter((call) => call.verdict === verdict).length
}

function countBy<Item>(items: readonly Item[], nameOf: (item: Item) => string) {
  const counts: Record<string, number> = {}
  for (const item of items) {
    const name = nameOf(item)
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

function denialsOf(calls: readonly Call[]): Record<string, number> {
  const denied = calls.filter((call) => call.state === 'denied')
  return countBy(denied, (call) => {
    const rule = call.reasons.find((reason) => reason.verdict === 'deny')?.rule
    const isOfRule = call.code === 'policy.denied' && rule !== undefined
    return isOfRule ? rule : (call.code ?? 'policy.denied')
  })
}

async function holdsOf(client: Client, flown: readonly FlownSession[]): Promise<Hold[]> {
  const sessions = new Set(flown.map((each) => each.session.id))
  const found: Hold[] = []
  let after: string | null = null
  do {
    const page: Awaited<ReturnType<typeof client.listHolds>> = await client.listHolds(
      after === null ? {} : { after },
    )
    found.push(...page.holds.filter((hold) => sessions.has(hold.sessionId)))
    after = page.next
  } while (after !== null)
  return found
}

type JournalRow = Awaited<ReturnType<typeof journalRows>>[number]

/** The shop picks its world by the session id that the gateway sends with each call. */
async function readJournal(
  databaseUrl: string,
  flown: readonly FlownSession[],
): Promise<ReadonlyMap<string, readonly JournalRow[]>> {
  await using shop = await openShop({ databaseUrl, poolMax: 1 })
  const rows = new Map<string, readonly JournalRow[]>()
  for (const { session } of flown)
    rows.set(session.id, await journalRows(shop, { world: session.id }))
  return rows
}

/** How often the shop executed the writes that were answered from their first result. */
function repeatedRows(
  flown: readonly FlownSession[],
  journal: ReadonlyMap<string, readonly JournalRow[]>,
): number | null {
  const repeated = flown.flatMap(({ session, calls, effects }) =>
    calls.flatMap((call) => {
      const effect = effects.find((each) => each.callId === call.repeatOf)
      const isHeld = calls.some((each) => each.id === call.repeatOf && each.verdict === 'hold')
      return effect === undefined || isHeld ? [] : [{ world: session.id, key: effect.key }]
    }),
  )
  const [first] = repeated
  if (first === undefined) return null
  return (journal.get(first.world) ?? []).filter((row) => row.effectKey === first.key).length
}

function moneyOf({
  flown,
  provider,
}: SummaryOptions): Pick<FlightSummary, 'tokens' | 'costNanoUsd' | 'costBasis'> {
  const calls = flown.flatMap((each) => each.calls)
  const cost = calls.reduce((sum, call) => sum + BigInt(call.costNanoUsd ?? 0), 0n)
  const usage = provider.isScripted ? 'prices and estimated usage' : 'prices and usage'
  return {
    tokens: calls.reduce((sum, { usage: used }) => sum + tokensOf(used), 0),
    costNanoUsd: String(cost),
    costBasis: provider.prices === null ? null : usage,
  }
}

function tokensOf(usage: Call['usage']): number {
  return usage === null ? 0 : usage.promptTokens + usage.completionTokens
}

/** What the client waited, less what the model itself took. */
function latencyOf({ flown, servedMs }: SummaryOptions) {
  const added = flown
    .flatMap((each) => each.modelAnswers)
    .flatMap(({ completionId, latencyMs }) => {
      const served = servedMs(completionId)
      return served === undefined ? [] : [Math.max(0, latencyMs - served)]
    })
    .toSorted((one, other) => one - other)
  const at = (share: number): number | null => {
    const value = added[Math.min(added.length - 1, Math.floor(added.length * share))]
    return value === undefined ? null : Math.round(value * 100) / 100
  }
  return { addedLatencyMsP50: at(0.5), addedLatencyMsP99: at(0.99) }
}

function logOf({ size, gaps, callsWithoutOutcome }: LogSummary, before: string) {
  const entriesOfThisFlight = String(BigInt(size) - BigInt(before))
  return { entries: size, entriesOfThisFlight, gaps, callsWithoutOutcome }
}

function lineOf(
  { plan, session, calls, effects, stoppedBy }: FlownSession,
  journal: ReadonlyMap<string, readonly JournalRow[]>,
): FlightLine {
  return {
    name: plan.name,
    title: plan.title,
    sessionId: session.id,
    modelCalls: calls.filter((call) => call.kind === 'model').length,
    toolCalls: calls.filter((call) => call.kind === 'tool').length,
    states: countBy(calls, (call) => call.state),
    denials: denialsOf(calls),
    effects: countBy(effects, (effect) => effect.state),
    stoppedBy,
    journalRows: journal.get(session.id)?.length ?? 0,
  }
}
