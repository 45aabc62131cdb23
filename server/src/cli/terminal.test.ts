import assert from 'node:assert/strict'
import { test } from 'node:test'
import { money } from './terminal.ts'

test('an amount has the decimals of its currency, and of none that it does not know', () => {
  const cases = [
    ['1250', 'EUR', '12.50 EUR'],
    ['5', 'USD', '0.05 USD'],
    ['1250', 'JPY', '1250 JPY'],
    ['1250', 'KWD', '1.250 KWD'],
    ['-1250', 'EUR', '-12.50 EUR'],
    ['1000000', 'eip155:1/slip44:60', '1000000 minor units of eip155:1/slip44:60'],
  ] as const
  for (const [minorUnits, currency, text] of cases) {
    assert.equal(money({ minorUnits, currency }), text)
  }
  assert.equal(money(null), '-')
})
