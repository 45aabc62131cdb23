import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { caip19, majorText, parseAsset } from './asset.ts'
import { amountFor, checkLists, type MoneyBook, type MoneyMove } from './check.ts'
import { exactDigest, foldCounterparty, foldedDigest } from './counterparty.ts'
import type { Limit } from './limit.ts'

const digest = (text: string): string => `#${text}`

function limit(of: Partial<Limit>): Limit {
  return {
    limitId: 'l',
    name: 'one',
    kind: 'window',
    scope: 'organisation',
    subject: undefined,
    asset: 'iso4217:USD',
    converts: true,
    eachParty: false,
    max: 100n,
    countMax: undefined,
    window: { kind: 'whole' },
    actions: ['*'],
    parties: [],
    refundsRefill: false,
    former: [],
    isActive: true,
    ...of,
  }
}

function move(text: string | undefined): MoneyMove {
  const counterparty =
    text === undefined
      ? undefined
      : { text, exact: exactDigest(digest, text), folded: foldedDigest(digest, text) }
  return { action: 'bank/pay', money: undefined, direction: 'out', counterparty }
}

describe('a list of counterparties', () => {
  const iban = 'DE89 3704 0044 0532 0130 00'
  it('blocks any spelling of whom it blocks', () => {
    const blocks = limit({ kind: 'block', parties: [{ digest: foldedDigest(digest, iban) }] })
    // The last but one has a Cyrillic letter, the last one an invisible character.
    for (const spelled of [
      iban,
      'de89370400440532013000',
      'DE89-3704-0044-0532-0130-00',
      'DЕ89370400440532013000',
      'DE89\u200b370400440532013000',
    ]) {
      assert.equal(checkLists(blocks, move(spelled))?.code, 'counterparty.blocked', spelled)
    }
    assert.equal(checkLists(blocks, move('DE89370400440532013001')), undefined)
    const pattern = limit({ kind: 'block', parties: [{ pattern: 'KP-*' }] })
    assert.equal(checkLists(pattern, move('kp 12'))?.verdict, 'deny')
  })

  it('allows only the spelling that it allows', () => {
    const allows = limit({
      kind: 'allow',
      parties: [{ digest: exactDigest(digest, 'AbC') }, { pattern: 'shop-*' }],
    })
    assert.equal(checkLists(allows, move('AbC')), undefined)
    assert.equal(checkLists(allows, move('shop-1')), undefined)
    for (const other of ['aBc', 'AbC ', 'Shop-1', 'x']) {
      assert.equal(checkLists(allows, move(other))?.code, 'counterparty.blocked', other)
    }
  })

  it('refuses a call that names nobody', () => {
    for (const kind of ['allow', 'block'] as const) {
      assert.equal(checkLists(limit({ kind }), move(undefined))?.verdict, 'deny')
    }
  })

  it('asks a person, whatever the amount', () => {
    assert.equal(checkLists(limit({ kind: 'ask' }), move('x'))?.verdict, 'hold')
  })

  it('folds what only looks different', () => {
    assert.equal(foldCounterparty(' ACME  Ltd. '), foldCounterparty('acme-ltd'))
  })
})

const rate = { numerator: 11n, denominator: 10n }
const book = (atMs: number): MoneyBook => ({
  decimalsOf: () => 2,
  quoteOf: (base, quoted) =>
    base === 'iso4217:EUR' && quoted === 'iso4217:USD'
      ? { base, quoted, ...rate, agreed: rate, atMs, maxAgeMs: 1000 }
      : undefined,
})

describe('an amount in another asset', () => {
  const nowMs = 10_000_000
  const money = { asset: 'iso4217:EUR', minor: 1000n }
  const of = (atMs: number) => ({ book: book(atMs), nowMs, round: 'up' as const })

  it('counts by a fresh quote, and is refused by an old one or none', () => {
    const fresh = amountFor(limit({}), money, of(nowMs))
    assert.deepEqual(fresh, { kind: 'ok', minor: 1100n })
    const old = amountFor(limit({}), money, of(nowMs - 1001))
    assert.equal(old.kind === 'refused' ? old.finding.code : '', 'money.quote_stale')
    const none = amountFor(limit({ asset: 'iso4217:JPY' }), money, of(nowMs))
    assert.equal(none.kind, 'refused')
  })

  it('does not count where the limit is for one asset alone', () => {
    assert.equal(amountFor(limit({ converts: false }), money, of(0)).kind, 'other')
  })
})

describe('an asset', () => {
  it('has one spelling', () => {
    assert.equal(parseAsset('USD'), 'iso4217:USD')
    assert.equal(parseAsset('iso4217:USD'), 'iso4217:USD')
    assert.equal(parseAsset('iso4217:XXQ'), undefined)
    const token = 'eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48'
    assert.equal(parseAsset(token), token.toLowerCase())
    assert.equal(caip19('bip122:000000000019d6689c085ae165831e93/slip44:0')?.length, 48)
    for (const bad of ['', 'usd', 'eip155/erc20:0x1', 'a:b/c:d', 'eip155:1/erc20:']) {
      assert.equal(parseAsset(bad), undefined, bad)
    }
  })
  it('is told in major units', () => {
    assert.deepEqual(
      [majorText(5n, 2), majorText(-1234n, 2), majorText(7n, 0)],
      ['0.05', '-12.34', '7'],
    )
  })
})
