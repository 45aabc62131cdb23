import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatReport, reportOf } from './report.ts'
import { cellsOf, type LoadSample, type RoundsPlan, type RoundsResult } from './rounds.ts'
import type { TargetName } from './targets.ts'

const plan: RoundsPlan = {
  rounds: 3,
  connections: [1, 32],
  kinds: ['json', 'sse'],
  warmUpSeconds: 0,
  seconds: 1,
  firstByteSamples: 1,
  commitSamples: 1,
}

const figures = {
  latencyMsP50: 50,
  latencyMsP99: 60,
  answered: 100,
  answeredWarmingUp: 0,
  failed: 0,
  bytesPerReply: 1300,
  processorMicros: 50,
}

/** Each round the machine is another, and Airworthy answers `share` of what the floor does. */
function loads(share: number): readonly LoadSample[] {
  const speeds: Readonly<Record<TargetName, number>> = {
    direct: 4,
    dispatch: 2,
    floor: 1,
    airworthy: share,
  }
  return [1, 2, 3].flatMap((round) =>
    cellsOf(plan).flatMap((cell) =>
      (['direct', 'dispatch', 'floor', 'airworthy'] as const).map((target) => ({
        ...cell,
        ...figures,
        round,
        target,
        requestsPerSecond: speeds[target] * 1000 * round,
      })),
    ),
  )
}

function result(share: number, change: Partial<RoundsResult> = {}): RoundsResult {
  return {
    commitMsP50: [0.3, 0.5, 0.4],
    loads: loads(share),
    firstBytes: [],
    peakMemoryMb: { airworthy: 200 },
    failures: [],
    ...change,
  }
}

test('ratios are taken within a round, so that a changing machine cancels out', () => {
  const report = reportOf(plan, result(0.8))
  assert.deepEqual([...new Set(report.cells.map((cell) => cell.toFloor))], [0.8])
  assert.deepEqual([...new Set(report.cells.map((cell) => cell.toDispatch))], [0.4])
  assert.equal(report.commitMsP50, 0.4)
})

test('only 32 connections and more have a bar, and all bars must hold', () => {
  const good = reportOf(plan, result(0.8))
  assert.equal(good.bars.filter((bar) => bar.name.startsWith('requests/s')).length, 2)
  assert.equal(good.holds, true)
  assert.equal(reportOf(plan, result(0.69)).holds, false)
  assert.equal(reportOf(plan, result(0.8, { peakMemoryMb: { airworthy: 251 } })).holds, false)
})

test('one failed reply makes the report not hold', () => {
  assert.equal(reportOf(plan, result(0.8, { failures: ['floor json: 1 failed'] })).holds, false)
})

test('the first byte may come two milliseconds and one commit after the bare proxy', () => {
  const sample = { round: 1, firstByteMsP99: 9, lastByteMsP50: 9, failed: 0 }
  const late = (firstByteMsP50: number) =>
    reportOf(
      plan,
      result(0.8, {
        firstBytes: [
          { ...sample, target: 'dispatch', firstByteMsP50: 1 },
          { ...sample, target: 'airworthy', firstByteMsP50 },
        ],
      }),
    ).holds
  assert.equal(late(3.3), true)
  assert.equal(late(3.5), false)
})

test('without Airworthy there is a table but no bar that could hold', () => {
  const floorOnly = result(0.8, {
    loads: loads(0.8).filter((load) => load.target !== 'airworthy'),
    peakMemoryMb: {},
  })
  const report = reportOf(plan, floorOnly)
  assert.equal(report.holds, false)
  assert.match(formatReport(report), /\| json +\| 32 +\|/)
})
