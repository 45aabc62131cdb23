// A recording through the gateway, one run at a time and eight: nothing may differ from it but the
// one call that is answered from a stored effect.
import { openEnvironment } from '../../examples/replay/environment.ts'
import { pactFiles } from '../../examples/replay/agent.ts'
import { readRecording } from '../../examples/replay/recording.ts'
import type { Recording } from '../../examples/replay/recording.ts'
import { replayRecording } from '../../examples/replay/replay.ts'
import type { Progress } from '../../examples/replay/runs.ts'
import type { ReplayReport } from '../../examples/replay/report.ts'
import { findDataDirectory, recordingPath, recordings } from '../../examples/replay/shared-data.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const PROGRESS_INTERVAL_MS = 10_000

const expected = {
  sessions: 114,
  modelCalls: 1_448,
  toolCalls: 896,
  callsOnRecord: 1_448 + 896,
  repliesChanged: 0,
  toolResultsIdentical: 895,
  databaseVerdicts: 113,
  databaseVerdictsEqual: 113,
  callsWithoutOutcome: 0,
  tokensObserved: 7_894_892,
  costObservedNanoUsd: 1_551_843_200,
  offRecording: 0,
} as const satisfies Partial<ReplayReport>

// The model asked for the same return twice; the shop had refused the second, Airworthy repeats
// the result of the first.
const expectedRepeats = [{ taskId: '27', tool: 'return_delivered_order_items' }]

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  const dataDirectory = sharedData()
  const recording = await readRecording(recordingPath(dataDirectory, recordings.base))
  const passes = []
  for (const concurrency of quick ? [8] : [1, 8])
    passes.push(await replayOnce({ dataDirectory, recording, concurrency, log }))
  const differences = passes.flatMap((pass) => pass.unexpected)
  return {
    expected: { ...expected, toolResultsRepeated: expectedRepeats },
    passes: passes.map((pass) => pass.figures),
    differences,
    holds: differences.length === 0,
  }
}

async function replayOnce(input: {
  dataDirectory: string
  recording: Recording
  concurrency: number
  log: (line: string) => void
}): Promise<{ figures: ReplayReport; unexpected: string[] }> {
  const { dataDirectory, recording, concurrency, log } = input
  log(`${recording.name}, --observe, ${concurrency} at a time`)
  await using environment = await openEnvironment({ dataDirectory })
  const figures = await replayRecording(environment, {
    recording,
    manifestFile: pactFiles.allowAll,
    mode: 'observe',
    concurrency,
    onProgress: logProgress(log),
  })
  return { figures, unexpected: unexpectedIn(figures) }
}

function unexpectedIn(figures: ReplayReport): string[] {
  const found: Record<string, unknown> = { ...figures }
  const differing = Object.entries(expected).filter(([name, value]) => found[name] !== value)
  const at = `at ${figures.concurrency} at a time`
  const repeats = figures.toolResultsRepeated.map(({ taskId, tool }) => ({ taskId, tool }))
  const { log } = figures
  const checks: [string, boolean][] = [
    ['toolResultsRepeated', JSON.stringify(repeats) === JSON.stringify(expectedRepeats)],
    ['toolResultsDifferent', figures.toolResultsDifferent.length === 0],
    ['denialsByRule', Object.keys(figures.denialsByRule).length === 0],
    ['failed', figures.failed.length === 0],
    ['stopped', figures.stopped.length === 0],
    ['log.callsWithoutOutcome', log.callsWithoutOutcome === 0],
    ['log numbering', log.gaps + log.agentGaps + log.brokenLinks === 0],
  ]
  return [
    ...differing.map(([name, value]) => `${name} is ${String(found[name])}, not ${value} ${at}`),
    ...checks.filter(([, isMet]) => !isMet).map(([name]) => `${name} is not as expected ${at}`),
  ]
}

/** Where the recordings lie; evidence about them cannot be gathered without. */
export function sharedData(): string {
  const directory = findDataDirectory()
  if (directory === undefined)
    throw new Error('the shared data is not there: set AIRWORTHY_SHARED to its folder')
  return directory
}

/** A line now and then. */
export function logProgress(log: (line: string) => void): (progress: Progress) => void {
  let loggedAtMs = performance.now()
  return ({ runs, runsDone, calls, callsDone }) => {
    if (performance.now() - loggedAtMs < PROGRESS_INTERVAL_MS) return
    loggedAtMs = performance.now()
    log(`${runsDone} of ${runs} runs, ${callsDone} of ${calls} calls`)
  }
}
