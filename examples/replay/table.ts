// A report as the table a person reads.
import type { ReplayReport } from './report.ts'

export function formatReport(figures: ReplayReport): string {
  const denials = Object.entries(figures.denialsByRule).map(
    ([rule, denied]) => `${rule}: ${count(denied.calls)} calls in ${denied.sessions} sessions`,
  )
  const rows: [string, string][] = [
    ['recording', `${figures.recording} (${figures.model})`],
    ['mode', `${figures.mode}, ${figures.concurrency} at a time`],
    ['sessions', count(figures.sessions)],
    ['model calls', count(figures.modelCalls)],
    ['tool calls', count(figures.toolCalls)],
    ['identical tool results', count(figures.toolResultsIdentical)],
    ['from a stored effect', count(figures.toolResultsRepeated.length)],
    ['different tool results', count(figures.toolResultsDifferent.length)],
    ['database verdicts equal', `${figures.databaseVerdictsEqual} of ${figures.databaseVerdicts}`],
    ['calls without an outcome', count(figures.callsWithoutOutcome)],
    [
      figures.mode === 'observe' ? 'would be denied' : 'denied',
      denials.length === 0 ? 'none' : denials.join('; '),
    ],
    ['runs stopped', count(figures.stopped.length)],
    ['tokens', `${count(figures.tokensObserved)} (recorded ${count(figures.tokensRecorded)})`],
    ['cost', `${usd(figures.costObservedNanoUsd)} (recorded ${usd(figures.costRecordedNanoUsd)})`],
    ['off the recording', count(figures.offRecording)],
    ['added latency', `p50 ${ms(figures.addedLatencyMsP50)}, p99 ${ms(figures.addedLatencyMsP99)}`],
    ['sessions a second', figures.sessionsPerSecond.toFixed(2)],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)
  return [...lines, ...detailLines(figures)].join('\n')
}

function detailLines(figures: ReplayReport): string[] {
  return [
    ...figures.toolResultsRepeated.map((repeat) => `  stored effect: ${place(repeat)}`),
    ...figures.toolResultsDifferent.map(
      (difference) =>
        `  differs: ${place(difference)}\n    recorded ${difference.recorded}\n    observed ${difference.observed}`,
    ),
    ...figures.databaseVerdictsDifferent.map((task) => `  differs: database of task ${task}`),
    ...figures.stopped.map(
      (stop) => `  stopped: ${place(stop)} by ${[stop.code, ...stop.rules].join(', ')}`,
    ),
    ...figures.failed.map((failure) => `  failed: task ${failure.taskId}: ${failure.error}`),
  ]
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}

function usd(nanoUsd: number): string {
  return `${(nanoUsd / 1e9).toFixed(9)} USD`
}

function ms(value: number | null): string {
  return value === null ? '-' : `${value.toFixed(1)} ms`
}

function place(at: { taskId: string; turn: number; tool: string }): string {
  return `task ${at.taskId}, turn ${at.turn}, ${at.tool}`
}
