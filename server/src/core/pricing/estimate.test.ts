import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Averages, estimateDeclared, estimateRecorded, stepUsage } from './estimate.ts'
import { compilePriceList } from './price-list.ts'

const prices = compilePriceList(
  { inputPerMillionUsd: '1', cachedInputPerMillionUsd: '0.1', outputPerMillionUsd: '10' },
  { source: 'manifest', from: '', edition: '', wire: 'openai' },
)

const averages: Averages = {
  systemTokens: 500,
  contextTokens: 300,
  queryTokens: 200,
  outputTokens: 100,
  resultTokens: 50,
  steps: 2,
  sessionsADay: 10,
  cachedPercent: 0,
  marginPercent: { low: 20, high: 30 },
}

describe('an estimate from averages', () => {
  it('is what its tokens cost by hand', () => {
    // Steps: 1,000 and 1,150 in, 100 out each: 1,000,000 + 1,150,000 + 2 x 1,000,000 nano-USD.
    const { request, session, day, month } = estimateDeclared(averages, prices)
    assert.deepEqual(request, { low: 2_075_000n, expected: 2_075_000n, high: 2_075_000n })
    assert.deepEqual(session, { low: 4_980_000n, expected: 5_187_500n, high: 5_395_000n })
    assert.deepEqual(day, { low: 49_800_000n, expected: 51_875_000n, high: 53_950_000n })
    assert.deepEqual(month, {
      low: 1_494_000_000n,
      expected: 1_556_250_000n,
      high: 1_618_500_000n,
    })
  })

  it('reads the declared share of each prompt from the cache', () => {
    const cached = { ...averages, cachedPercent: 50 }
    assert.deepEqual(stepUsage(cached, 1), {
      promptTokens: 1150,
      cachedTokens: 575,
      completionTokens: 100,
    })
    // 500 + 50 and 575 + 57.5 thousand in, 2 x 1,000 thousand out, halved for one request.
    const { request } = estimateDeclared(cached, prices)
    assert.equal(request.expected, 1_591_250n)
  })
})

const call = (promptTokens: number) => ({ promptTokens, cachedTokens: 0, completionTokens: 0 })
const costOf = (usage: { promptTokens: number }): bigint => BigInt(usage.promptTokens)

describe('an estimate from records', () => {
  it('has the nearest recorded call and session for a percentile, and exact means', () => {
    const sessions = Array.from({ length: 10 }, (_, index) => [call(index + 1), call(100)])
    const { request, session } = estimateRecorded(sessions, costOf, 1)
    assert.deepEqual(request, { p10: 2n, p50: 10n, p90: 100n, mean: 53n })
    assert.deepEqual(session, { p10: 101n, p50: 105n, p90: 109n, mean: 106n })
  })

  it('has as many sessions as are expected at the mean, and how far the mean may be off', () => {
    const sessions = [[call(90)], [call(110)], [call(90)], [call(110)]]
    const { day, month } = estimateRecorded(sessions, costOf, 5)
    // The deviation is 20 / sqrt(3), its standard error half of that: 5.7735; x 1.96 x 5 = 56.58.
    assert.deepEqual(day, { low: 444n, expected: 500n, high: 557n })
    assert.equal(month.expected, 15_000n)
  })

  it('knows no spread of a single session', () => {
    const { day } = estimateRecorded([[call(7)]], costOf, 2)
    assert.deepEqual(day, { low: 14n, expected: 14n, high: 14n })
  })
})
