// SIGKILL of the server at random moments of a replay: it is started again on the same data, the
// replay goes on where it was, and the shop's own journal says what was really done.
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import { z } from 'zod'
import { pactFiles } from '../../examples/replay/agent.ts'
import { openEnvironment } from '../../examples/replay/environment.ts'
import type { Environment } from '../../examples/replay/environment.ts'
import { patientFor } from '../../examples/replay/patience.ts'
import { readRecording } from '../../examples/replay/recording.ts'
import { replayRecording } from '../../examples/replay/replay.ts'
import type { InFlight } from '../../examples/replay/replay.ts'
import type { ReplayReport } from '../../examples/replay/report.ts'
import {
  createDataDirectory,
  readPostgres,
  removeDataDirectory,
  startServer,
} from '../../examples/replay/services.ts'
import type { Server } from '../../examples/replay/services.ts'
import { recordingPath, recordings } from '../../examples/replay/shared-data.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import { logProgress, sharedData } from './replay.ts'

const KILLS = 30
const KILLS_QUICK = 6
const CONCURRENCY = 8
const PASSES_MAX = 10
/** The server lives this long between two kills, from the moment it is ready. */
const LIFE_MS_MIN = 50
const LIFE_MS_MAX = 2_500
/** The shop and the model are slowed down, so that kills fall into calls and not between them. */
const SHOP_DELAY_MS = 40
const SHOP_DELAY_AFTER_COMMIT_MS = 600
const UPSTREAM_DELAY_MS = 20
const ANSWER_MS_MAX = 120_000
const TOOL_TIMEOUT_MS = 15_000
const SETTLE_MS_MAX = 60_000

type Kill = { atMs: number; lifeMs: number; inFlight: InFlight; isAdopted: boolean }

type Drill = {
  readonly dataDirectory: string
  readonly kills: Kill[]
  readonly inFlight: InFlight
  readonly startedMs: number
  readonly killsWanted: number
  readonly log: (line: string) => void
  server: Server
}

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  const data = sharedData()
  await using opened = new AsyncDisposableStack()
  const dataDirectory = await createDataDirectory()
  opened.defer(() => removeDataDirectory(dataDirectory))
  const drill: Drill = {
    dataDirectory,
    kills: [],
    inFlight: { model: 0, tool: 0 },
    startedMs: performance.now(),
    killsWanted: quick ? KILLS_QUICK : KILLS,
    log,
    server: await startServer({ dataDirectory, port: 0 }),
  }
  opened.defer(() => drill.server.stop())
  const { url: databaseUrl } = await readPostgres(drill.server.dataDirectory)
  const { url, operatorKeyFile } = drill.server
  const environment = opened.use(
    await openEnvironment({
      dataDirectory: data,
      given: { url, operatorKeyFile, databaseUrl },
      shopDelayMs: SHOP_DELAY_MS,
      shopDelayAfterCommitMs: SHOP_DELAY_AFTER_COMMIT_MS,
    }),
  )
  const passes = await replayUntilKilledEnough(drill, environment, data)
  const unresolved = await waitForProbes(environment.worlds.shop.pool)
  const found = await examine(environment, unresolved)
  return figuresOf(drill, passes, found)
}

// The recording may be over before enough kills were made: then it is replayed once more.
async function replayUntilKilledEnough(
  drill: Drill,
  environment: Environment,
  data: string,
): Promise<ReplayReport[]> {
  const recording = await readRecording(recordingPath(data, recordings.base))
  const passes: ReplayReport[] = []
  while (drill.kills.length < drill.killsWanted && passes.length < PASSES_MAX) {
    const over = new AbortController()
    const killing = killRepeatedly(drill, over.signal)
    const replaying = replayRecording(environment, {
      recording,
      manifestFile: pactFiles.allowAll,
      mode: 'observe',
      concurrency: CONCURRENCY,
      upstreamDelayMs: UPSTREAM_DELAY_MS,
      attempt: patientFor(ANSWER_MS_MAX),
      toolTimeoutMs: TOOL_TIMEOUT_MS,
      inFlight: drill.inFlight,
      onProgress: logProgress(drill.log),
    }).finally(() => over.abort())
    const [pass] = await Promise.all([replaying, killing])
    passes.push(pass)
  }
  return passes
}

async function killRepeatedly(drill: Drill, over: AbortSignal): Promise<void> {
  while (drill.kills.length < drill.killsWanted && !over.aborted) {
    const lifeMs = randomInt(LIFE_MS_MIN, LIFE_MS_MAX)
    await sleep(lifeMs)
    if (over.aborted) return
    const before = await readPostgres(drill.server.dataDirectory)
    const inFlight = { ...drill.inFlight }
    const atMs = performance.now() - drill.startedMs
    await drill.server.kill()
    drill.server = await startServer({
      dataDirectory: drill.dataDirectory,
      // Agents know the server by its address.
      port: Number(new URL(drill.server.url).port),
    })
    const after = await readPostgres(drill.server.dataDirectory)
    const isAdopted = before.pid === after.pid && before.url === after.url
    drill.kills.push({ atMs: Math.round(atMs), lifeMs, inFlight, isAdopted })
    drill.log(
      `kill ${drill.kills.length} of ${drill.killsWanted} after ${lifeMs} ms, in flight: ` +
        `${inFlight.model} model calls, ${inFlight.tool} tool calls`,
    )
  }
}

const countSchema = z.object({ count: z.coerce.number() })

async function count(pool: Pool, query: string): Promise<number> {
  const { rows } = await pool.query<{ count: string }>(query)
  return countSchema.parse(rows[0]).count
}

async function waitForProbes(pool: Pool): Promise<number> {
  const deadline = performance.now() + SETTLE_MS_MAX
  const query = "select count(*) from airworthy.effects where state in ('unknown', 'executing')"
  let left = await count(pool, query)
  while (left > 0 && performance.now() < deadline) {
    await sleep(500)
    left = await count(pool, query)
  }
  return left
}

type Found = Readonly<Record<keyof typeof queries, number>> & {
  readonly unresolved: number
  readonly gaps: number
  readonly agentGaps: number
  readonly brokenLinks: number
  readonly callsWithoutOutcome: number
  readonly entries: string
}

// Every effect key, with what Airworthy says of it and what the shop did under it.
const EFFECTS_AND_JOURNAL = `
  with effect as (
    select effect_key, count(*) filter (where state = 'done') as done,
      count(*) filter (where state in ('failed', 'denied')) as failed,
      count(*) filter (where state = 'unknown') as unknown
    from airworthy.effects where effect_class <> 'read' group by effect_key
  ), executed as (
    select effect_key, count(*) as times from retail.journal
    where world in (select session_id::text from airworthy.sessions) group by effect_key
  ), both_sides as (
    select effect_key, coalesce(done, 0) as done, coalesce(failed, 0) as failed,
      coalesce(unknown, 0) as unknown, coalesce(times, 0) as times
    from effect full join executed using (effect_key)
  ) select count(*) from both_sides where `

const OUTCOMES = `
  select count(*) from airworthy.entries,
    lateral (select convert_from(entry, 'UTF8')::jsonb as line) parsed,
    lateral (select line -> 'body' as body) inner_part
  where line ->> 'type' = 'call.outcome' and body ->> 'state' =`

const queries = {
  effectKeys: `${EFFECTS_AND_JOURNAL} true`,
  doneOnce: `${EFFECTS_AND_JOURNAL} done = 1 and times = 1`,
  doneOtherwise: `${EFFECTS_AND_JOURNAL} done > 0 and (done <> 1 or times <> 1)`,
  failedButExecuted: `${EFFECTS_AND_JOURNAL} done = 0 and unknown = 0 and times > 0`,
  unknownExecutedTwice: `${EFFECTS_AND_JOURNAL} unknown > 0 and times > 1`,
  executedWithoutKey: `select count(*) from retail.journal where effect_key is null
    and world in (select session_id::text from airworthy.sessions)`,
  // Reads that were cut off are failed, not unknown: these are all writes.
  effectsOnceUnknown: `${OUTCOMES} 'unknown' and body ->> 'kind' = 'tool'`,
  resolvedAsDone: `${OUTCOMES} 'done' and body ->> 'resolved' = 'probe'`,
  resolvedAsFailed: `${OUTCOMES} 'failed' and body ->> 'resolved' = 'probe'`,
  callsSettledTwice: `select count(*) from (
    select line ->> 'call' as call from airworthy.entries,
      lateral (select convert_from(entry, 'UTF8')::jsonb as line) parsed
    where line ->> 'type' = 'call.outcome' and line -> 'body' ->> 'state' <> 'unknown'
    group by call having count(*) > 1) twice`,
  modelCallsUnknown: `select count(*) from airworthy.calls
    where kind = 'model' and state = 'unknown'`,
  callsExecuting: `select count(*) from airworthy.calls where state = 'executing'`,
  budgetsPassed: `select count(*) from airworthy.budgets
    where settled + reserved + leased + unknown > limit_amount or overrun > 0`,
  // Tokens and money settled on a session's budget are those of its calls, no more and no less.
  budgetsInexact: `select count(*) from airworthy.budgets b
    join lateral (select coalesce(sum(prompt_tokens + completion_tokens), 0) as tokens,
      coalesce(sum(cost_nano_usd), 0) as nano_usd
      from airworthy.calls where session_id = b.scope_id) used on true
    where scope = 'session' and unit <> 'calls'
      and settled <> case unit when 'tokens' then tokens else nano_usd end`,
  budgetsStillReserved: 'select count(*) from airworthy.budgets where reserved > 0',
} as const

async function examine({ client, worlds }: Environment, unresolved: number): Promise<Found> {
  const { pool } = worlds.shop
  const log = await client.getLog()
  const counted = async (name: keyof typeof queries) => count(pool, queries[name])
  return {
    effectKeys: await counted('effectKeys'),
    doneOnce: await counted('doneOnce'),
    doneOtherwise: await counted('doneOtherwise'),
    failedButExecuted: await counted('failedButExecuted'),
    unknownExecutedTwice: await counted('unknownExecutedTwice'),
    executedWithoutKey: await counted('executedWithoutKey'),
    effectsOnceUnknown: await counted('effectsOnceUnknown'),
    resolvedAsDone: await counted('resolvedAsDone'),
    resolvedAsFailed: await counted('resolvedAsFailed'),
    callsSettledTwice: await counted('callsSettledTwice'),
    modelCallsUnknown: await counted('modelCallsUnknown'),
    callsExecuting: await counted('callsExecuting'),
    budgetsPassed: await counted('budgetsPassed'),
    budgetsInexact: await counted('budgetsInexact'),
    budgetsStillReserved: await counted('budgetsStillReserved'),
    unresolved,
    gaps: log.gaps,
    agentGaps: log.agentGaps,
    brokenLinks: log.brokenLinks,
    callsWithoutOutcome: log.callsWithoutOutcome,
    entries: log.size,
  }
}

function figuresOf(drill: Drill, passes: readonly ReplayReport[], found: Found): Figures {
  const { kills, killsWanted } = drill
  const sum = (pick: (pass: ReplayReport) => number) =>
    passes.reduce((total, pass) => total + pick(pass), 0)
  const toolsInFlight = kills.reduce((total, { inFlight }) => total + inFlight.tool, 0)
  const modelsInFlight = kills.reduce((total, { inFlight }) => total + inFlight.model, 0)
  const failed = passes.flatMap((pass) => pass.failed)
  const differences = passes.flatMap((pass) => pass.toolResultsDifferent)
  const isGapFree = found.gaps + found.agentGaps + found.brokenLinks === 0
  const verdictsUnequal = sum((pass) => pass.databaseVerdicts - pass.databaseVerdictsEqual)
  const checks: [string, boolean][] = [
    ['as many kills as wanted', kills.length === killsWanted],
    ['every run was driven to its end', failed.length === 0],
    ['every done effect has exactly one journal row', found.doneOtherwise === 0],
    ['no failed or denied effect has one', found.failedButExecuted === 0],
    ['no unknown effect has more than one', found.unknownExecutedTwice === 0],
    ['nothing was executed without a key', found.executedWithoutKey === 0],
    ['unknown effects <= tool calls in flight', found.effectsOnceUnknown <= toolsInFlight],
    ['unknown model calls <= model calls in flight', found.modelCallsUnknown <= modelsInFlight],
    [
      'every unknown effect was resolved, by the probe',
      found.unresolved === 0 &&
        found.effectsOnceUnknown === found.resolvedAsDone + found.resolvedAsFailed,
    ],
    ['no call was settled twice', found.callsSettledTwice === 0],
    ['no call is left open', found.callsExecuting + found.callsWithoutOutcome === 0],
    ['no budget was passed', found.budgetsPassed === 0],
    ['budgets settled what was used', found.budgetsInexact === 0],
    ['nothing is left reserved', found.budgetsStillReserved === 0],
    ['the log has no gaps', isGapFree],
    ['the orphaned PostgreSQL was adopted', kills.every((kill) => kill.isAdopted)],
    ['every world is as recorded', verdictsUnequal === 0],
    ['every tool result is as recorded', differences.length === 0],
  ]
  return {
    kills: kills.length,
    passes: passes.length,
    sessions: sum((pass) => pass.sessions),
    modelCalls: sum((pass) => pass.modelCalls),
    toolCalls: sum((pass) => pass.toolCalls),
    toolCallsInFlightAtKills: toolsInFlight,
    modelCallsInFlightAtKills: modelsInFlight,
    fromStoredEffect: sum((pass) => pass.toolResultsRepeated.length),
    fromStoredEffectDifferent: sum(
      (pass) => pass.toolResultsRepeated.filter((repeat) => !repeat.isIdentical).length,
    ),
    databaseVerdictsEqual: `${sum((pass) => pass.databaseVerdictsEqual)} of ${sum((pass) => pass.databaseVerdicts)}`,
    ...found,
    failed,
    toolResultsDifferent: differences,
    unmet: checks.filter(([, isMet]) => !isMet).map(([name]) => name),
    holds: checks.every(([, isMet]) => isMet),
  }
}
