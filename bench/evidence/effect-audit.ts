// What Airworthy's record says of every effect, held against the shop's own journal. Everything of
// Airworthy's is read over its API, as an auditor would.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Budget, Call, Client, Effect, SessionDetail } from '@airworthy/sdk'
import type { Environment } from '../../examples/replay/environment.ts'
import { journalRows } from '../../examples/retail/index.ts'

const SETTLE_MS_MAX = 60_000
const POLL_MS = 500
const PAGE_MAX = 200

export type EffectAudit = {
  readonly effectKeys: number
  /** Done, and executed exactly once. */
  readonly doneOnce: number
  readonly doneOtherwise: number
  readonly failedButExecuted: number
  readonly unknownExecutedTwice: number
  readonly executedWithoutKey: number
  readonly effectsOnceUnknown: number
  readonly resolvedAsDone: number
  readonly resolvedAsFailed: number
  readonly unresolved: number
  readonly callsSettledTwice: number
  readonly modelCallsUnknown: number
  readonly callsWithoutOutcome: number
  readonly budgets: number
  readonly budgetsPassed: number
  readonly budgetsInexact: number
  readonly budgetsStillReserved: number
  readonly gaps: number
  readonly agentGaps: number
  readonly brokenLinks: number
  readonly entries: string
}

/** Waits until no effect is unknown or executing, at most a minute. */
export async function waitForProbes(client: Client): Promise<void> {
  const deadline = performance.now() + SETTLE_MS_MAX
  while ((await countOpen(client)) > 0 && performance.now() < deadline) await sleep(POLL_MS)
}

async function countOpen(client: Client): Promise<number> {
  const unknown = await client.listEffects({ state: 'unknown' })
  const executing = await client.listEffects({ state: 'executing' })
  return unknown.effects.length + executing.effects.length
}

export async function auditEffects(environment: Environment): Promise<EffectAudit> {
  const { client } = environment
  const sessions = await readSessions(client)
  const outcomes = await readOutcomes(client)
  const log = await client.getLog()
  const calls = sessions.flatMap((detail) => detail.calls)
  const agents = await client.listAgents()
  const ofAgents = await Promise.all(agents.agents.map(({ id }) => client.getAgent(id)))
  const budgets = [...sessions, ...ofAgents].flatMap((holder) => holder.budgets)
  return {
    ...(await compareWithJournal(environment, sessions)),
    ...tellOutcomes(outcomes),
    modelCallsUnknown: calls.filter(isUnknownModelCall).length,
    callsWithoutOutcome: log.callsWithoutOutcome,
    budgets: budgets.length,
    budgetsPassed: budgets.filter(isPassed).length,
    budgetsInexact: sessions.flatMap(inexactBudgets).length,
    budgetsStillReserved: budgets.filter(({ reserved }) => reserved !== '0').length,
    gaps: log.gaps,
    agentGaps: log.agentGaps,
    brokenLinks: log.brokenLinks,
    entries: log.size,
  }
}

async function readSessions(client: Client): Promise<SessionDetail[]> {
  const details: SessionDetail[] = []
  let after: string | null = null
  do {
    const page = await client.listSessions({
      limit: PAGE_MAX,
      ...(after === null ? {} : { after }),
    })
    for (const { id } of page.sessions) details.push(await readSession(client, id))
    after = page.next
  } while (after !== null)
  return details
}

async function readSession(client: Client, id: string): Promise<SessionDetail> {
  let detail = await client.getSession(id)
  while (detail.callsNext !== null) {
    const more = await client.getSession(id, { callsAfter: detail.callsNext })
    const calls = [...detail.calls, ...more.calls]
    detail = { ...more, calls, effects: [...detail.effects, ...more.effects] }
  }
  return detail
}

type EffectCounts = { done: number; failed: number; unknown: number; executed: number }

async function compareWithJournal(
  { worlds }: Environment,
  sessions: readonly SessionDetail[],
): Promise<
  Pick<
    EffectAudit,
    | 'effectKeys'
    | 'doneOnce'
    | 'doneOtherwise'
    | 'failedButExecuted'
    | 'unknownExecutedTwice'
    | 'executedWithoutKey'
    | 'unresolved'
  >
> {
  const keys = new Map<string, EffectCounts>()
  const countsOf = (key: string): EffectCounts => {
    const counts = keys.get(key) ?? { done: 0, failed: 0, unknown: 0, executed: 0 }
    keys.set(key, counts)
    return counts
  }
  const effects = sessions.flatMap((detail) => detail.effects)
  for (const effect of effects) countState(countsOf(effect.key), effect)
  const worldIds = new Set(sessions.map((detail) => detail.session.id))
  const journal = (await journalRows(worlds.shop, {})).filter((row) => worldIds.has(row.world))
  for (const { effectKey } of journal) if (effectKey !== null) countsOf(effectKey).executed += 1
  const all = [...keys.values()]
  const isOnce = ({ done, executed }: EffectCounts) => done === 1 && executed === 1
  return {
    effectKeys: all.length,
    doneOnce: all.filter(isOnce).length,
    doneOtherwise: all.filter((counts) => counts.done > 0 && !isOnce(counts)).length,
    failedButExecuted: all.filter((c) => c.done + c.unknown === 0 && c.executed > 0).length,
    unknownExecutedTwice: all.filter((c) => c.unknown > 0 && c.executed > 1).length,
    executedWithoutKey: journal.filter(({ effectKey }) => effectKey === null).length,
    unresolved: effects.filter(({ state }) => state === 'unknown' || state === 'executing').length,
  }
}

function countState(counts: EffectCounts, { state }: Effect): void {
  if (state === 'done') counts.done += 1
  else if (state === 'failed' || state === 'denied') counts.failed += 1
  else if (state === 'unknown') counts.unknown += 1
}

type OutcomeEntry = { call: string; kind: string; state: string; resolved: string }

async function readOutcomes(client: Client): Promise<OutcomeEntry[]> {
  const outcomes: OutcomeEntry[] = []
  let after: string | null = null
  do {
    const page = await client.listEntries({
      limit: PAGE_MAX,
      ...(after === null ? {} : { after }),
    })
    for (const { entry } of page.entries) outcomes.push(...parseOutcome(entry))
    after = page.next
  } while (after !== null)
  return outcomes
}

function parseOutcome(text: string): OutcomeEntry[] {
  const entry: unknown = JSON.parse(text)
  if (textOf(entry, 'type') !== 'call.outcome') return []
  const body: unknown =
    typeof entry === 'object' && entry !== null ? Reflect.get(entry, 'body') : {}
  return [
    {
      call: textOf(entry, 'call'),
      kind: textOf(body, 'kind'),
      state: textOf(body, 'state'),
      resolved: textOf(body, 'resolved'),
    },
  ]
}

function textOf(value: unknown, name: string): string {
  const found: unknown =
    typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
  return typeof found === 'string' ? found : ''
}

function tellOutcomes(
  outcomes: readonly OutcomeEntry[],
): Pick<
  EffectAudit,
  'effectsOnceUnknown' | 'resolvedAsDone' | 'resolvedAsFailed' | 'callsSettledTwice'
> {
  const settled = new Map<string, number>()
  for (const { call, state } of outcomes)
    if (state !== 'unknown') settled.set(call, (settled.get(call) ?? 0) + 1)
  const byProbe = outcomes.filter(({ resolved }) => resolved === 'probe')
  return {
    // Reads that were cut off are failed, not unknown: these are all writes.
    effectsOnceUnknown: outcomes.filter((o) => o.state === 'unknown' && o.kind === 'tool').length,
    resolvedAsDone: byProbe.filter(({ state }) => state === 'done').length,
    resolvedAsFailed: byProbe.filter(({ state }) => state === 'failed').length,
    callsSettledTwice: [...settled.values()].filter((times) => times > 1).length,
  }
}

function isUnknownModelCall({ kind, state }: Call): boolean {
  return kind === 'model' && state === 'unknown'
}

function isPassed(budget: Budget): boolean {
  const parts = [budget.settled, budget.reserved, budget.leased, budget.unknown].map(BigInt)
  const used = parts.reduce((total, part) => total + part, 0n)
  return used > BigInt(budget.limit) || budget.overrun !== '0'
}

// What is settled on a session's budget is what its calls used, no more and no less. A call that
// never reached its tool used none, so for calls there is an upper bound only.
function inexactBudgets({ budgets, calls }: SessionDetail): Budget[] {
  const tokens = calls.reduce((total, { usage }) => {
    return total + (usage?.promptTokens ?? 0) + (usage?.completionTokens ?? 0)
  }, 0)
  const nanoUsd = calls.reduce((total, call) => total + BigInt(call.costNanoUsd ?? 0), 0n)
  const settledCalls = calls.filter(({ state }) => state === 'done' || state === 'failed').length
  return budgets.filter(({ unit, settled }) => {
    if (unit === 'calls') return Number(settled) > settledCalls
    return unit === 'tokens' ? Number(settled) !== tokens : BigInt(settled) !== nanoUsd
  })
}
