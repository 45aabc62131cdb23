import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import type { LimitTerms } from './limit.ts'
import { loosenedTerms } from './loosening.ts'

const terms: LimitTerms = {
  max: 100n,
  countMax: 10n,
  window: { kind: 'calendar', unit: 'day', zone: 'UTC' },
  actions: ['bank/*', 'shop/pay'],
  parties: [{ pattern: 'DE*' }, { digest: 'ab' }],
  refundsRefill: false,
}

describe('loosening a limit', () => {
  const cases: readonly (readonly [string, Partial<LimitTerms>, readonly string[]])[] = [
    ['a higher sum', { max: 101n }, ['max']],
    ['no sum', { max: undefined }, ['max']],
    ['a lower sum', { max: 0n }, []],
    ['more calls', { countMax: 11n }, ['countMax']],
    ['a shorter period', { window: { kind: 'calendar', unit: 'hour', zone: 'UTC' } }, ['window']],
    ['a longer period', { window: { kind: 'calendar', unit: 'month', zone: 'UTC' } }, []],
    ['another zone', { window: { kind: 'calendar', unit: 'day', zone: 'Asia/Tokyo' } }, []],
    ['a rolling window', { window: { kind: 'rolling', seconds: 86_400 } }, ['window']],
    ['no window', { window: { kind: 'whole' } }, []],
    ['fewer tools', { actions: ['bank/*'] }, ['actions']],
    ['more tools', { actions: ['bank/*', 'shop/pay', 'x/y'] }, []],
    ['refunds that refill', { refundsRefill: true }, ['refundsRefill']],
  ]
  for (const [name, change, loosened] of cases) {
    it(`${name}: ${loosened.length === 0 ? 'one person' : 'two people'}`, () => {
      const after = { ...terms, ...change }
      assert.deepEqual(loosenedTerms('window', { before: terms, after }), loosened)
    })
  }

  it('of a list that allows is a longer one, of a list that blocks a shorter one', () => {
    const shorter = { ...terms, parties: [{ digest: 'ab' }] }
    assert.deepEqual(loosenedTerms('allow', { before: shorter, after: terms }), ['parties'])
    assert.deepEqual(loosenedTerms('allow', { before: terms, after: shorter }), [])
    assert.deepEqual(loosenedTerms('block', { before: terms, after: shorter }), ['parties'])
    assert.deepEqual(loosenedTerms('block', { before: shorter, after: terms }), [])
  })

  it('is what the way back of a tightening is, unless nothing changed', () => {
    const bound = fc.option(fc.bigInt({ min: 0n, max: 5n }), { nil: undefined })
    fc.assert(
      fc.property(bound, bound, (one, other) => {
        const before = { ...terms, max: one }
        const after = { ...terms, max: other }
        const there = loosenedTerms('window', { before, after }).length > 0
        const back = loosenedTerms('window', { before: after, after: before }).length > 0
        assert.equal(there || back, one !== other)
        assert.ok(!(there && back))
      }),
    )
  })
})
