import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type RecordLine, reconcile } from './reconcile.ts'
import type { AccountLine } from './usage-account.ts'

const ours = (part: Partial<RecordLine> = {}): RecordLine => ({
  day: '2026-11-20',
  model: 'gpt-4.1',
  calls: 10,
  inputTokens: 1000,
  outputTokens: 100,
  costNanoUsd: 2_800_000n,
  unknownCalls: 0,
  ...part,
})
const theirs = (part: Partial<AccountLine> = {}): AccountLine => ({
  day: '2026-11-20',
  model: 'gpt-4.1',
  calls: 10,
  inputTokens: 1000,
  outputTokens: 100,
  costNanoUsd: 2_800_000n,
  ...part,
})

describe('a comparison with an account', () => {
  it('of the same figures has no difference', () => {
    const { lines, total, isWithin } = reconcile([ours()], [theirs()], 0)
    assert.ok(isWithin)
    assert.equal(lines.length, 1)
    assert.equal(lines[0]?.percent, 0)
    assert.deepEqual(total.difference, {
      calls: 0,
      inputTokens: 0,
      outputTokens: 0,
      costNanoUsd: 0n,
    })
  })

  it('tells the largest difference in per cent of theirs', () => {
    const { lines } = reconcile([ours({ inputTokens: 980 })], [theirs({ outputTokens: 96 })], 5)
    // 2 % less input, 4 of 96 more output.
    assert.equal(lines[0]?.percent?.toFixed(3), '4.167')
    assert.equal(lines[0]?.difference.inputTokens, -20)
    assert.equal(lines[0]?.isWithin, true)
    const strict = reconcile([ours({ inputTokens: 980 })], [theirs()], 1)
    assert.equal(strict.isWithin, false)
  })

  it('does not compare what the account leaves out', () => {
    const costsOnly = theirs({ calls: null, inputTokens: null, outputTokens: null })
    const { lines, isWithin } = reconcile([ours()], [costsOnly], 0)
    assert.ok(isWithin)
    assert.equal(lines[0]?.difference.inputTokens, null)
  })

  it('finds what only one of them has, and never calls it within', () => {
    const { lines, isWithin } = reconcile(
      [ours({ day: '2026-11-19' })],
      [theirs({ model: 'gpt-5' })],
      100,
    )
    assert.equal(isWithin, false)
    assert.deepEqual(
      lines.map((line) => [line.day, line.model, line.ours === null, line.theirs === null]),
      [
        ['2026-11-19', 'gpt-4.1', false, true],
        ['2026-11-20', 'gpt-5', true, false],
      ],
    )
    assert.equal(lines[0]?.percent, null)
    assert.equal(lines[1]?.percent, 100)
    assert.ok(lines.every((line) => !line.isWithin))
  })

  it('is not within where days differ although the sum does not', () => {
    const record = [ours({ inputTokens: 900 }), ours({ day: '2026-11-21', inputTokens: 1100 })]
    const account = [theirs(), theirs({ day: '2026-11-21' })]
    const { total, isWithin } = reconcile(record, account, 1)
    assert.equal(total.percent, 0)
    assert.equal(isWithin, false)
  })

  it('takes a dated name for the undated one, unless the record has several dates', () => {
    const dated = theirs({ model: 'gpt-4.1-2025-04-14' })
    assert.ok(reconcile([ours()], [dated], 0).isWithin)
    const both = [ours({ model: 'gpt-4.1-2025-04-14' }), ours({ model: 'gpt-4.1-2026-01-01' })]
    const { lines } = reconcile(both, [theirs({ model: 'gpt-4.1' })], 0)
    assert.equal(lines.length, 3)
  })

  it('adds up lines of one model under several names', () => {
    const halves = [
      theirs({ inputTokens: 400 }),
      theirs({ inputTokens: 600, model: 'gpt-4.1-2025-04-14' }),
    ]
    const account = halves.map((half) => ({
      ...half,
      calls: 5,
      outputTokens: 50,
      costNanoUsd: 1_400_000n,
    }))
    assert.ok(reconcile([ours()], account, 0).isWithin)
  })

  it('counts calls of ours whose usage nobody knows', () => {
    const { lines, total } = reconcile([ours({ unknownCalls: 3 })], [theirs()], 0)
    assert.equal(lines[0]?.unknownCalls, 3)
    assert.equal(total.unknownCalls, 3)
  })
})
