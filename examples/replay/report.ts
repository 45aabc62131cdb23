// What a replay shows, beside what was recorded: one object, and the same as a table.
import type { Call, LogSummary } from '@airworthy/sdk'
import type { Difference, Repeat, Stop } from './driver.ts'
import type { RecordedModel } from './models.ts'
import type { UpstreamCounts } from './recorded-upstream.ts'
import type { FailedRun, ReplayedRun, ReplayOptions } from './runs.ts'

export type ReplayReport = {
  readonly recording: string
  readonly model: string
  readonly mode: 'observe' | 'enforce'
  readonly concurrency: number
  readonly sessions: number
  readonly modelCalls: number
  readonly toolCalls: number
  readonly repliesChanged: number
  readonly toolResultsIdentical: number
  readonly toolResultsRepeated: readonly Repeat[]
  readonly toolResultsDifferent: readonly Difference[]
  readonly databaseVerdicts: number
  readonly databaseVerdictsEqual: number
  readonly databaseVerdictsDifferent: readonly string[]
  readonly callsOnRecord: number
  readonly callsWithoutOutcome: number
  readonly log: LogSummary
  /** In observe mode: what would have been denied. */
  readonly denialsByRule: Readonly<Record<string, { calls: number; sessions: number }>>
  readonly stopped: readonly (Stop & { sessionId: string; refusedWritesDone: number })[]
  readonly tokensRecorded: number
  readonly tokensObserved: number
  readonly costRecordedNanoUsd: number
  readonly costObservedNanoUsd: number
  readonly offRecording: number
  readonly addedLatencyMsP50: number | null
  readonly addedLatencyMsP99: number | null
  readonly seconds: number
  readonly sessionsPerSecond: number
  readonly failed: readonly FailedRun[]
  /** Nothing differs from the recording but what a refusal cut off. */
  readonly isAsRecorded: boolean
}

export function report(input: {
  options: ReplayOptions
  model: RecordedModel
  replayed: readonly ReplayedRun[]
  failed: readonly FailedRun[]
  upstream: UpstreamCounts
  log: LogSummary
  seconds: number
}): ReplayReport {
  const { options, failed, upstream, log, seconds } = input
  const replayed = input.replayed.toSorted((a, b) => a.outcome.run.index - b.outcome.run.index)
  const outcomes = replayed.map(({ outcome }) => outcome)
  const calls = replayed.flatMap((run) => run.calls)
  const sum = (pick: (run: ReplayedRun) => number) =>
    replayed.reduce((total, run) => total + pick(run), 0)
  const latencies = outcomes.flatMap((outcome) => outcome.addedLatencyMs).toSorted((a, b) => a - b)
  const judged = replayed.filter((run) => run.isVerdictEqual !== null)
  const unequal = judged.filter((run) => run.isVerdictEqual === false)
  const figures = {
    recording: options.recording.name,
    model: input.model.name,
    mode: options.mode,
    concurrency: options.concurrency,
    sessions: replayed.length,
    modelCalls: sum(({ outcome }) => outcome.modelCalls),
    toolCalls: sum(({ outcome }) => outcome.toolCalls),
    repliesChanged: sum(({ outcome }) => outcome.repliesChanged),
    toolResultsIdentical: sum(({ outcome }) => outcome.toolResultsIdentical),
    toolResultsRepeated: outcomes.flatMap((outcome) => outcome.repeats),
    toolResultsDifferent: outcomes.flatMap((outcome) => outcome.differences),
    databaseVerdicts: judged.length,
    databaseVerdictsEqual: judged.length - unequal.length,
    databaseVerdictsDifferent: unequal.map(({ outcome }) => outcome.run.taskId),
    callsOnRecord: calls.length,
    callsWithoutOutcome: calls.filter(isWithoutOutcome).length,
    log,
    denialsByRule: denialsByRule(calls),
    stopped: replayed.flatMap(({ outcome, sessionId, refusedWritesDone }) =>
      outcome.stopped === null ? [] : [{ ...outcome.stopped, sessionId, refusedWritesDone }],
    ),
    tokensRecorded: sum(({ outcome }) => recordedOf(outcome).tokens),
    tokensObserved: calls.reduce((total, { usage }) => {
      return total + (usage?.promptTokens ?? 0) + (usage?.completionTokens ?? 0)
    }, 0),
    costRecordedNanoUsd: sum(({ outcome }) => Number(recordedOf(outcome).costNanoUsd)),
    costObservedNanoUsd: Number(
      calls.reduce((total, call) => total + BigInt(call.costNanoUsd ?? 0), 0n),
    ),
    offRecording: upstream.offRecording,
    addedLatencyMsP50: percentile(latencies, 0.5),
    addedLatencyMsP99: percentile(latencies, 0.99),
    seconds: Number(seconds.toFixed(2)),
    sessionsPerSecond: Number((replayed.length / seconds).toFixed(2)),
    failed,
  }
  return { ...figures, isAsRecorded: isAsRecorded(figures) }
}

// Of the turns that were driven: a run that was stopped is compared as far as it went.
function recordedOf(outcome: ReplayedRun['outcome']): { tokens: number; costNanoUsd: bigint } {
  const isModelRefused = outcome.stopped?.tool === 'model'
  const driven = outcome.run.turns.slice(0, outcome.modelCalls - (isModelRefused ? 1 : 0))
  return {
    tokens: driven.reduce((total, turn) => total + turn.usage.total_tokens, 0),
    costNanoUsd: driven.reduce((total, turn) => total + turn.costNanoUsd, 0n),
  }
}

// Calls that were refused, or answered from a stored effect, are one entry: it is both.
const singleEntryStates: ReadonlySet<string> = new Set(['held', 'denied', 'repeated'])

function isWithoutOutcome(call: Call): boolean {
  if (call.intentSeq === null) return true
  return call.outcomeSeq === null && !singleEntryStates.has(call.state)
}

function denialsByRule(calls: readonly Call[]): ReplayReport['denialsByRule'] {
  const rules = new Map<string, { calls: number; sessions: Set<string> }>()
  for (const call of calls) {
    if (call.verdict !== 'deny') continue
    for (const { rule, verdict } of call.reasons) {
      if (verdict !== 'deny') continue
      const denied = rules.get(rule) ?? { calls: 0, sessions: new Set() }
      rules.set(rule, denied)
      denied.calls += 1
      denied.sessions.add(call.sessionId)
    }
  }
  return Object.fromEntries(
    [...rules].map(([rule, denied]) => [
      rule,
      { calls: denied.calls, sessions: denied.sessions.size },
    ]),
  )
}

/** Nearest rank of sorted values. */
export function percentile(sorted: readonly number[], rank: number): number | null {
  const value = sorted[Math.max(0, Math.ceil(sorted.length * rank) - 1)]
  return value === undefined ? null : Number(value.toFixed(3))
}

function isAsRecorded(figures: Omit<ReplayReport, 'isAsRecorded'>): boolean {
  return (
    figures.failed.length === 0 &&
    (figures.mode === 'enforce' || figures.stopped.length === 0) &&
    figures.stopped.every((stop) => stop.refusedWritesDone === 0) &&
    figures.repliesChanged === 0 &&
    figures.toolResultsDifferent.length === 0 &&
    figures.offRecording === 0 &&
    figures.databaseVerdictsEqual === figures.databaseVerdicts &&
    figures.tokensObserved === figures.tokensRecorded &&
    figures.costObservedNanoUsd === figures.costRecordedNanoUsd &&
    figures.callsWithoutOutcome === 0
  )
}
