import assert from 'node:assert/strict'
import { hash, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { canonicalJson } from '../canonical.ts'
import {
  buildEntry,
  type EntryDraft,
  entryBytesMax,
  formatReceipt,
  leafHash,
  noEntry,
} from './entry.ts'

const place = { number: 1n, previous: noEntry, at: '2026-11-22T12:00:00.000Z' }

function draftOf(body: EntryDraft['body']): EntryDraft {
  return {
    type: 'call.intent',
    agentId: randomUUID(),
    versionId: randomUUID(),
    pactId: randomUUID(),
    sessionId: randomUUID(),
    callId: randomUUID(),
    body,
  }
}

test('the bytes are canonical JSON, and their hash is the RFC 6962 leaf hash', () => {
  const text = fc.string({ maxLength: 20, unit: 'grapheme' })
  const value = fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(undefined))
  const bodies = fc.dictionary(fc.string({ maxLength: 8 }), value, { maxKeys: 5 })
  const places = fc.record({
    number: fc.bigInt(1n, BigInt(Number.MAX_SAFE_INTEGER)),
    previous: fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((array) => Buffer.from(array).toString('base64url')),
    at: fc.integer({ min: 0, max: Date.UTC(9999, 0) }).map((ms) => new Date(ms).toISOString()),
  })
  fc.assert(
    fc.property(bodies, places, (body, at) => {
      const sorted = Object.fromEntries(
        Object.entries(body).toSorted(([one], [other]) => (one < other ? -1 : 1)),
      )
      const { bytes, hash: leaf } = buildEntry(draftOf(sorted), at)
      const parsed: unknown = JSON.parse(bytes.toString('utf8'))
      // Names that look like numbers come first in every JavaScript object; no body has them.
      fc.pre(Object.keys(sorted).every((name) => !/^\d+$/.test(name)))
      assert.equal(canonicalJson(parsed), bytes.toString('utf8'))
      assert.equal(leaf, hash('sha256', Buffer.concat([Buffer.from([0]), bytes]), 'base64url'))
      assert.equal(leafHash(bytes).toString('base64url'), leaf)
    }),
  )
})

test('absent parts are left out, not written as null', () => {
  const { bytes } = buildEntry(
    { type: 'replica.ended', agentId: 'o', body: { a: undefined } },
    place,
  )
  assert.deepEqual(JSON.parse(bytes.toString('utf8')), {
    agent: 'o',
    at: '2026-11-22T12:00:00.000Z',
    body: {},
    number: 1,
    previous: 'A'.repeat(43),
    schema: 1,
    type: 'replica.ended',
  })
})

test('the longest intent that the recorder can write fits', () => {
  const digest = 'd'.repeat(43)
  const money = '9'.repeat(19)
  const body = {
    action: 'a'.repeat(96),
    amount: money,
    currency: 'USD',
    decision: digest,
    drift: 'prompt',
    enforced: false,
    hold: randomUUID(),
    key: digest,
    kind: 'model',
    request: digest,
    reserved: `${money} ${money} ${money}`,
    rule: 'r'.repeat(64),
    verdict: 'allow',
  }
  const number = BigInt(Number.MAX_SAFE_INTEGER)
  const { bytes } = buildEntry(draftOf(body), { ...place, number })
  assert(bytes.length <= entryBytesMax, `${bytes.length} bytes`)
})

test('an entry that is too long is refused: the log takes no more than 1,024 bytes', () => {
  assert.throws(() => buildEntry(draftOf({ a: 'x'.repeat(900) }), place), RangeError)
})

test('a receipt names log, place and leaf', () => {
  assert.equal(formatReceipt(7n, 12n, noEntry), `7:12:${'A'.repeat(43)}`)
})

test('names that are too long for an entry are cut, and nothing else is', () => {
  const digest = 'd'.repeat(43)
  const body = {
    action: 'a'.repeat(96),
    decision: digest,
    hold: randomUUID(),
    key: digest,
    request: digest,
    reserved: '1000000 10000000000 1000000000000000000',
    rule: '\u{1f600}'.repeat(48),
    sig: digest,
  }
  const did = `did:webvh:${'Q'.repeat(46)}`
  const { bytes } = buildEntry({ ...draftOf(body), did }, place)
  assert.ok(bytes.length <= entryBytesMax)
  const entry = JSON.parse(bytes.toString('utf8'))
  const { action, rule, ...rest } = entry.body
  const { action: _action, rule: _rule, ...others } = body
  assert.deepEqual(rest, others)
  assert.equal(entry.did, did)
  assert.ok(`${action}${rule}`.endsWith('~') || String(action).endsWith('~'))
  assert.equal(canonicalJson(entry), bytes.toString('utf8'))
})
