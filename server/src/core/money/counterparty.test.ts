import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { counterpartyText, foldCounterparty, matchesFolded } from './counterparty.ts'

test('one counterparty is one in every spelling', () => {
  const spellings: readonly (readonly [string, readonly string[]])[] = [
    [
      'DE89370400440532013000',
      [
        'de89 3704 0044 0532 0130 00',
        'DE89\u00a03704\u200b00440532013000',
        'IBAN: DE89-3704-0044-0532-0130-00',
        "DE89'3704,0044;0532:0130|00",
        'ＤＥ89370400440532013000',
        'DЕ89370400440532013000',
      ],
    ],
    ['0012345', ['12345', '00012345', '00 12-345']],
    ['José Straße', ['Jose\u0301 Strasse', 'JOSE STRASSE', 'jose  straße ']],
    ['0x52908400098527886E0F7030069857D2E4169EE7', ['0x52908400098527886e0f7030069857d2e4169ee7']],
    ['0', ['00', '000']],
    ['Новая Улица', ['НОВАЯ УЛИЦА', 'новаяулица']],
    ['ΟΔΟΣ Α', ['οδός α', 'Οδος-Α']],
  ]
  for (const [one, others] of spellings) {
    for (const other of others) assert.equal(foldCounterparty(other), foldCounterparty(one), other)
  }
})

test('others stay others', () => {
  const names = ['10', '100', '1', 'iban', 'ibanez', 'DE89', 'DE8', 'acct-1', 'acct-2', 'a0', 'a']
  assert.equal(new Set(names.map(foldCounterparty)).size, names.length)
})

test('law: signs never tell two apart', () => {
  const sign = fc.constantFrom(' ', '-', '.', '\u200b', '\u00ad', '/', '_', ',', ':', '\t')
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      sign,
      fc.nat(40),
      (text, mark, at) => {
        const letters = Array.from(text)
        const marked = [...letters.slice(0, at), mark, ...letters.slice(at)].join('')
        assert.equal(foldCounterparty(marked), foldCounterparty(text))
      },
    ),
  )
})

test('a pattern blocks in every spelling, too', () => {
  assert.ok(matchesFolded('DE 89-37', 'de89*'))
  assert.ok(matchesFolded('IBAN DE89 37', 'DE89*'))
  assert.ok(matchesFolded('0012345', '0*'), 'as it is written')
  assert.ok(matchesFolded('0012345', '123*'), 'and without zeros in front')
  assert.ok(!matchesFolded('DE9037', 'de89*'))
})

test('a number that cannot be told exactly, a list, and signs alone name nobody', () => {
  for (const value of [2 ** 53, 1.5, NaN, ['a'], { iban: 'a' }, null, undefined, ' - ', '']) {
    assert.equal(counterpartyText(value), undefined)
  }
  assert.equal(counterpartyText(12_345), '12345')
})
