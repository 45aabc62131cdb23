// From samples to medians, from medians to the bars of the table, and both as text.

import { median, round } from '../figures.ts'
import { cellsOf, type Cell, type RoundsPlan, type RoundsResult } from './rounds.ts'
import type { TargetName } from './targets.ts'

type TargetFigures = {
  readonly requestsPerSecond: number
  readonly latencyMsP50: number
  readonly latencyMsP99: number
  readonly processorMicros: number
}

export type CellReport = Cell & {
  readonly targets: Readonly<Partial<Record<TargetName, TargetFigures>>>
  /** Median of the rounds' ratios of requests/s; null without Airworthy. */
  readonly toFloor: number | null
  readonly toDispatch: number | null
}

export type Bar = {
  readonly name: string
  readonly value: number
  readonly bar: number
  readonly holds: boolean
}

export type Report = {
  readonly cells: readonly CellReport[]
  readonly commitMsP50: number
  readonly firstByteMsP50: Readonly<Partial<Record<TargetName, number>>>
  readonly lastByteMsP50: Readonly<Partial<Record<TargetName, number>>>
  readonly peakMemoryMb: Readonly<Partial<Record<TargetName, number>>>
  readonly bars: readonly Bar[]
  readonly failures: readonly string[]
  readonly holds: boolean
}

const names: readonly TargetName[] = ['direct', 'dispatch', 'floor', 'airworthy']
const floorRatioMin = 0.7
const addedMsMax = 2
const memoryMbMax = 250

export function reportOf(plan: RoundsPlan, result: RoundsResult): Report {
  const cells = cellsOf(plan).map((cell) => cellReport(cell, result))
  const commitMsP50 = round(median(result.commitMsP50), 3)
  const firstByteMsP50 = firstBytes(result, 'firstByteMsP50')
  const lastByteMsP50 = firstBytes(result, 'lastByteMsP50')
  const { peakMemoryMb, failures } = result
  const figures = { cells, commitMsP50, firstByteMsP50, lastByteMsP50, peakMemoryMb, failures }
  const bars = barsOf(figures)
  const holds = failures.length === 0 && bars.length > 0 && bars.every((bar) => bar.holds)
  return { ...figures, bars, holds }
}

function cellReport(cell: Cell, result: RoundsResult): CellReport {
  const targets: Partial<Record<TargetName, TargetFigures>> = {}
  for (const name of names) {
    const samples = samplesOf(cell, name, result)
    if (samples.length === 0) continue
    targets[name] = {
      requestsPerSecond: round(median(samples.map((sample) => sample.requestsPerSecond)), 0),
      latencyMsP50: round(median(samples.map((sample) => sample.latencyMsP50)), 3),
      latencyMsP99: round(median(samples.map((sample) => sample.latencyMsP99)), 3),
      processorMicros: round(median(samples.map((sample) => sample.processorMicros)), 0),
    }
  }
  const toFloor = ratio(cell, 'floor', result)
  return { ...cell, targets, toFloor, toDispatch: ratio(cell, 'dispatch', result) }
}

function samplesOf(cell: Cell, name: TargetName, result: RoundsResult) {
  return result.loads.filter(
    (load) =>
      load.target === name &&
      load.kind === cell.kind &&
      load.pace === cell.pace &&
      load.connections === cell.connections,
  )
}

/** Both sides of a ratio are of one round, so that a slow minute of the machine cancels out. */
function ratio(cell: Cell, yardstick: TargetName, result: RoundsResult): number | null {
  const others = samplesOf(cell, yardstick, result)
  const ratios = samplesOf(cell, 'airworthy', result).flatMap((sample) => {
    const other = others.find((candidate) => candidate.round === sample.round)
    const isMeasured = other !== undefined && other.requestsPerSecond > 0
    return isMeasured ? [sample.requestsPerSecond / other.requestsPerSecond] : []
  })
  return ratios.length === 0 ? null : round(median(ratios), 3)
}

function firstBytes(result: RoundsResult, field: 'firstByteMsP50' | 'lastByteMsP50') {
  const medians: Partial<Record<TargetName, number>> = {}
  for (const name of names) {
    const samples = result.firstBytes.filter((sample) => sample.target === name)
    if (samples.length > 0) medians[name] = round(median(samples.map((one) => one[field])), 3)
  }
  return medians
}

function barsOf(figures: Omit<Report, 'bars' | 'holds'>): readonly Bar[] {
  const { cells, commitMsP50, firstByteMsP50, peakMemoryMb } = figures
  const bars: Bar[] = []
  const atMost = (name: string, value: number, bar: number) => {
    bars.push({ name, value: round(value, 3), bar: round(bar, 3), holds: value <= bar })
  }
  for (const cell of cells) {
    if (cell.toFloor === null || cell.pace !== 'plain' || cell.connections < 32) continue
    const name = `requests/s to the floor, ${cell.kind}, ${cell.connections} connections`
    const holds = cell.toFloor >= floorRatioMin
    bars.push({ name, value: cell.toFloor, bar: floorRatioMin, holds })
  }
  const delayed = cells.find((cell) => cell.pace === 'delay-50')?.targets
  if (delayed?.airworthy !== undefined && delayed.direct !== undefined) {
    const added = delayed.airworthy.latencyMsP50 - delayed.direct.latencyMsP50
    atMost('added p50 over a 50 ms upstream, ms', added, addedMsMax + commitMsP50)
  }
  if (firstByteMsP50.airworthy !== undefined && firstByteMsP50.dispatch !== undefined) {
    const later = firstByteMsP50.airworthy - firstByteMsP50.dispatch
    atMost('first byte later than the bare proxy, ms', later, addedMsMax + commitMsP50)
  }
  if (peakMemoryMb.airworthy !== undefined) {
    atMost('peak memory, MB', peakMemoryMb.airworthy, memoryMbMax)
  }
  return bars
}

/** The table as Markdown, which reads well on a terminal too. */
export function formatReport(report: Report): string {
  return [
    formatTable(
      ['reply', 'connections', ...names, 'to floor', 'to bare proxy'],
      report.cells.map((cell) => [
        cell.pace === 'plain' ? cell.kind : `${cell.kind}, 50 ms upstream`,
        String(cell.connections),
        ...names.map((name) => formatFigures(cell.targets[name])),
        cell.toFloor?.toFixed(2) ?? '-',
        cell.toDispatch?.toFixed(2) ?? '-',
      ]),
    ),
    formatTable(
      ['', ...names],
      [
        [
          'first byte of a stream, p50 ms',
          ...names.map((name) => text(report.firstByteMsP50[name])),
        ],
        ['last byte of a stream, p50 ms', ...names.map((name) => text(report.lastByteMsP50[name]))],
        ['peak memory, MB', ...names.map((name) => text(report.peakMemoryMb[name]))],
      ],
    ),
    `One single-row commit: p50 ${report.commitMsP50} ms.`,
    formatTable(
      ['bar', 'measured', 'allowed', 'holds'],
      report.bars.map((bar) => [
        bar.name,
        String(bar.value),
        `${bar.name.startsWith('requests/s') ? '>=' : '<='} ${bar.bar}`,
        bar.holds ? 'yes' : 'NO',
      ]),
    ),
    ...report.failures.map((failure) => `FAILED: ${failure}`),
  ].join('\n\n')
}

function formatFigures(figures: TargetFigures | undefined): string {
  if (figures === undefined) return '-'
  const { requestsPerSecond, latencyMsP50, latencyMsP99, processorMicros } = figures
  return `${requestsPerSecond}/s, ${latencyMsP50.toFixed(2)} / ${latencyMsP99.toFixed(1)} ms, ${processorMicros} us`
}

function text(value: number | undefined): string {
  return value === undefined ? '-' : String(value)
}

function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(head), rule, ...rows.map(line)].join('\n')
}
