// How far a replay is: a bar on a terminal, a plain line now and then elsewhere. On stderr, because
// stdout is for the result.
import type { Progress } from './runs.ts'

const BAR_CHARS = 30
const BAR_INTERVAL_MS = 100
const LINE_INTERVAL_MS = 5_000

export type ProgressView = { update(progress: Progress): void; end(): void }

export function showProgress(stream: NodeJS.WriteStream): ProgressView {
  const isTerminal = stream.isTTY
  const intervalMs = isTerminal ? BAR_INTERVAL_MS : LINE_INTERVAL_MS
  let shownAtMs = performance.now()
  let isBarShown = false
  return {
    update: (progress) => {
      const isLast = progress.runsDone === progress.runs
      if (!isLast && performance.now() - shownAtMs < intervalMs) return
      shownAtMs = performance.now()
      isBarShown = isTerminal
      stream.write(isTerminal ? `\r${barOf(progress)}` : `${textOf(progress)}\n`)
    },
    end: () => {
      if (isBarShown) stream.write('\n')
    },
  }
}

function barOf(progress: Progress): string {
  const full = Math.round((BAR_CHARS * progress.callsDone) / Math.max(1, progress.calls))
  const filled = Math.min(full, BAR_CHARS)
  return `[${'█'.repeat(filled)}${'·'.repeat(BAR_CHARS - filled)}] ${textOf(progress)}`
}

function textOf({ runs, runsDone, calls, callsDone }: Progress): string {
  return `${runsDone} of ${runs} runs, ${callsDone} of ${calls} calls`
}
