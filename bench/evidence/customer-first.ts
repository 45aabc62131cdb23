// One rule over the session: no write before the customer was found. Recorded first, then enforced,
// over four recordings of which two break it.
import { pactFiles } from '../../examples/replay/agent.ts'
import { openEnvironment } from '../../examples/replay/environment.ts'
import type { Environment } from '../../examples/replay/environment.ts'
import { readRecording } from '../../examples/replay/recording.ts'
import type { Recording, Run } from '../../examples/replay/recording.ts'
import { replayRecording } from '../../examples/replay/replay.ts'
import type { ReplayReport } from '../../examples/replay/report.ts'
import { recordingPath, recordings } from '../../examples/replay/shared-data.ts'
import { journalRows } from '../../examples/retail/index.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import { logProgress, sharedData } from './replay.ts'

const RULE = 'customer-first'
const CONCURRENCY = 8

const writes = new Set([
  'cancel_pending_order',
  'exchange_delivered_order_items',
  'modify_pending_order_address',
  'modify_pending_order_items',
  'modify_pending_order_payment',
  'modify_user_address',
  'return_delivered_order_items',
])
const lookUps = new Set(['find_user_id_by_email', 'find_user_id_by_name_zip'])

const cases: readonly { file: string; denials: ReplayReport['denialsByRule'] }[] = [
  { file: recordings.policyV1First, denials: { [RULE]: { calls: 7, sessions: 2 } } },
  { file: recordings.policyV1, denials: { [RULE]: { calls: 5, sessions: 1 } } },
  { file: recordings.baseFirst, denials: {} },
  { file: recordings.base, denials: {} },
]

type Case = { recording: string; figures: Record<string, unknown>; unexpected: string[] }

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  const dataDirectory = sharedData()
  const results: Case[] = []
  await using environment = await openEnvironment({ dataDirectory })
  for (const { file, denials } of quick ? cases.slice(0, 2) : cases) {
    const recording = await readRecording(recordingPath(dataDirectory, file))
    results.push(await observe({ environment, recording, denials, log }))
    results.push(await enforce({ environment, recording, log }))
  }
  const differences = results.flatMap((result) => result.unexpected)
  return {
    results: results.map((result) => ({ recording: result.recording, ...result.figures })),
    differences,
    holds: differences.length === 0,
  }
}

async function replay(
  environment: Environment,
  recording: Recording,
  options: { mode: 'observe' | 'enforce'; log: (line: string) => void },
): Promise<ReplayReport> {
  options.log(`${recording.name}, --${options.mode}`)
  return replayRecording(environment, {
    recording,
    manifestFile: pactFiles.customerFirst,
    mode: options.mode,
    concurrency: CONCURRENCY,
    onProgress: logProgress(options.log),
  })
}

async function observe(input: {
  environment: Environment
  recording: Recording
  denials: ReplayReport['denialsByRule']
  log: (line: string) => void
}): Promise<Case> {
  const { environment, recording, denials, log } = input
  const figures = await replay(environment, recording, { mode: 'observe', log })
  const { denialsByRule, stopped, toolCalls, toolResultsRepeated } = figures
  const checks: [string, boolean][] = [
    [
      `would-deny is ${JSON.stringify(denialsByRule)}, not ${JSON.stringify(denials)}`,
      JSON.stringify(denialsByRule) === JSON.stringify(denials),
    ],
    ['a run was stopped', stopped.length === 0],
    ['something differs from the recording', figures.isAsRecorded],
  ]
  return {
    recording: recording.name,
    figures: {
      mode: 'observe',
      toolCalls,
      wouldDeny: denialsByRule,
      fromStoredEffect: toolResultsRepeated.length,
      databaseVerdictsEqual: `${figures.databaseVerdictsEqual} of ${figures.databaseVerdicts}`,
    },
    unexpected: failing(recording, 'observe', checks),
  }
}

async function enforce(input: {
  environment: Environment
  recording: Recording
  log: (line: string) => void
}): Promise<Case> {
  const { environment, recording, log } = input
  const figures = await replay(environment, recording, { mode: 'enforce', log })
  // Found by reading the recording, without the gateway.
  const wanted = recording.runs.flatMap((recorded) => firstEarlyWrite(recorded) ?? [])
  const stops = figures.stopped.map(({ taskId, turn, tool }) => ({ taskId, turn, tool }))
  const untouched = await environment.worlds.digestOf('customer-first-untouched')
  const worlds = await Promise.all(
    figures.stopped.map(async ({ sessionId }) => ({
      isUntouched: (await environment.worlds.digestOf(sessionId)) === untouched,
      writes: (await journalRows(environment.worlds.shop, { world: sessionId })).length,
    })),
  )
  const checks: [string, boolean][] = [
    [
      `stopped at ${JSON.stringify(stops)}, not ${JSON.stringify(wanted)}`,
      JSON.stringify(stops) === JSON.stringify(wanted),
    ],
    [
      'a run was stopped by something else',
      figures.stopped.every(
        ({ code, rules }) =>
          code === 'policy.denied' && JSON.stringify(rules) === JSON.stringify([RULE]),
      ),
    ],
    [
      'the world of a stopped run shows a write',
      worlds.every((world) => world.isUntouched && world.writes === 0),
    ],
    ['something else differs from the recording', figures.isAsRecorded],
  ]
  return {
    recording: recording.name,
    figures: {
      mode: 'enforce',
      stopped: figures.stopped.map(({ taskId, turn, tool, code, rules }) => {
        return { taskId, turn, tool, code, rules }
      }),
      worldsUntouched: worlds.filter((world) => world.isUntouched).length,
    },
    unexpected: failing(recording, 'enforce', checks),
  }
}

/** The first write of a run that no successful look-up of a customer stands before. */
function firstEarlyWrite(
  recorded: Run,
): { taskId: string; turn: number; tool: string } | undefined {
  for (const turn of recorded.turns) {
    for (const { name, result } of turn.toolCalls) {
      if (lookUps.has(name) && !result.isError) return undefined
      if (writes.has(name)) return { taskId: recorded.taskId, turn: turn.index, tool: name }
    }
  }
  return undefined
}

function failing(recording: Recording, mode: string, checks: [string, boolean][]): string[] {
  return checks.filter(([, isMet]) => !isMet).map(([what]) => `${recording.name}, ${mode}: ${what}`)
}
