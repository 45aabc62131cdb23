import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { convert, isFresh, isLooserRate, parseRate, refundRate } from './quote.ts'

describe('a conversion', () => {
  it('never comes out below the exact value where money is spent, nor above where it comes back', () => {
    const big = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n })
    const part = fc.bigInt({ min: 1n, max: 10n ** 30n })
    const places = fc.integer({ min: 0, max: 36 })
    fc.assert(
      fc.property(
        big,
        part,
        part,
        places,
        places,
        (minor, numerator, denominator, base, quoted) => {
          const rate = { numerator, denominator }
          const up = convert(minor, rate, { base, quoted, round: 'up' })
          const down = convert(minor, rate, { base, quoted, round: 'down' })
          const over = minor * numerator * 10n ** BigInt(quoted)
          const under = denominator * 10n ** BigInt(base)
          assert.ok(up * under >= over && (up - 1n) * under < over)
          assert.ok(down * under <= over && (down + 1n) * under > over)
        },
      ),
    )
  })

  it('converts as people would', () => {
    const rate = parseRate('1.0842')
    assert.ok(rate)
    assert.equal(convert(1000n, rate, { base: 2, quoted: 2, round: 'up' }), 1085n)
    assert.equal(convert(1000n, rate, { base: 2, quoted: 2, round: 'down' }), 1084n)
    const yen = parseRate('0.0067')
    assert.ok(yen)
    assert.equal(convert(1n, yen, { base: 0, quoted: 2, round: 'up' }), 1n)
  })
})

describe('a rate', () => {
  for (const text of [
    '0',
    '0.00',
    '-1',
    '1e3',
    '01',
    '.5',
    '1,5',
    '',
    'NaN',
    `1${'0'.repeat(60)}`,
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseRate(text), undefined))
  }
})

describe('a quote', () => {
  const quote = { atMs: 1_000_000, maxAgeMs: 5_000 }
  it('is fresh to its last millisecond, and stale after it', () => {
    assert.equal(isFresh(quote, 1_005_000), true)
    assert.equal(isFresh(quote, 1_005_001), false)
  })
  it('is not to be trusted where it lies in the future', () => {
    assert.equal(isFresh(quote, quote.atMs - 60_001), false)
  })
})

const rate = (text: string) => parseRate(text) ?? assert.fail()

describe('what one person may set', () => {
  it('is a rate at most a tenth below what two people agreed on, and any above', () => {
    const agreed = rate('1.20')
    for (const fine of ['1.08', '1.2', '1.21', '1000']) {
      assert.equal(isLooserRate(agreed, rate(fine)), false, fine)
    }
    for (const loose of ['1.0799999999', '1', '0.0000001']) {
      assert.equal(isLooserRate(agreed, rate(loose)), true, loose)
    }
    assert.equal(isLooserRate(undefined, rate('1000')), true, 'where there was none, nothing left')
  })

  it('never makes more room of what comes back', () => {
    const part = fc.bigInt({ min: 1n, max: 10n ** 30n })
    fc.assert(
      fc.property(part, part, part, part, (one, two, three, four) => {
        const agreed = { numerator: three, denominator: four }
        const used = refundRate({ numerator: one, denominator: two, agreed })
        assert.ok(used.numerator * two <= one * used.denominator)
        assert.ok(used.numerator * four <= three * used.denominator)
      }),
    )
  })
})
