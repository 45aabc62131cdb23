// SIGKILL of the server at random moments of a replay: it is started again on the same data, the
// replay goes on where it was, and the shop's own journal says what was really done.
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { pactFiles } from '../../examples/replay/agent.ts'
import { openEnvironment } from '../../examples/replay/environment.ts'
import type { Environment } from '../../examples/replay/environment.ts'
import { patientFor } from '../../examples/replay/patience.ts'
import { readRecording } from '../../examples/replay/recording.ts'
import { replayRecording } from '../../examples/replay/replay.ts'
import type { InFlight } from '../../examples/replay/runs.ts'
import type { ReplayReport } from '../../examples/replay/report.ts'
import {
  createDataDirectory,
  readPostgres,
  removeDataDirectory,
  startServer,
} from '../../examples/replay/services.ts'
import type { Server } from '../../examples/replay/services.ts'
import { recordingPath, recordings } from '../../examples/replay/shared-data.ts'
import { auditEffects, waitForProbes } from './effect-audit.ts'
import type { EffectAudit } from './effect-audit.ts'
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
  await waitForProbes(environment.client)
  const found = await auditEffects(environment)
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
    // A replay that fails must not leave a restart behind that nobody stops.
    const [replayed, killed] = await Promise.allSettled([replaying, killing])
    if (replayed.status === 'rejected') throw replayed.reason
    if (killed.status === 'rejected') throw killed.reason
    passes.push(replayed.value)
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

function figuresOf(drill: Drill, passes: readonly ReplayReport[], found: EffectAudit): Figures {
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
    ['no call is left open', found.callsWithoutOutcome === 0],
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
