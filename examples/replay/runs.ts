// What a replay is asked for, and what became of each of its runs.
import type { Call, SessionMode } from '@airworthy/sdk'
import type { RunOutcome } from './driver.ts'
import type { Attempt } from './patience.ts'
import type { Recording } from './recording.ts'

export type ReplayOptions = {
  readonly recording: Recording
  readonly manifestFile: string
  readonly mode: SessionMode
  readonly concurrency: number
  readonly limit?: number
  readonly isStreaming?: boolean
  readonly upstreamDelayMs?: number
  /** How a request that got no answer is treated; by default its failure fails the run. */
  readonly attempt?: Attempt
  readonly toolTimeoutMs?: number
  /** Kept up to date: the calls that wait for an answer. */
  readonly inFlight?: InFlight
  readonly onProgress?: (progress: Progress) => void
}

export type InFlight = { model: number; tool: number }

export type Progress = {
  readonly runs: number
  readonly runsDone: number
  readonly calls: number
  readonly callsDone: number
}

/** What became of one run: on the wire, in the shop, and on record. */
export type ReplayedRun = {
  readonly outcome: RunOutcome
  readonly sessionId: string
  readonly calls: readonly Call[]
  /** Null where the recording has no verdict or the run was stopped. */
  readonly isVerdictEqual: boolean | null
  /** Writes in the world of a stopped run that are the refused one. */
  readonly refusedWritesDone: number
}

export type FailedRun = { readonly run: number; readonly taskId: string; readonly error: string }
