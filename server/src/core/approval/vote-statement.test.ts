import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  type Ballot,
  checkLife,
  formatStatement,
  readStatement,
  voteLifeMsMax,
  voteStatementType,
} from './vote-statement.ts'

const ballot: Ballot = {
  organisation: 'o',
  hold: 'h',
  round: 2,
  level: 1,
  call: 'c',
  operator: 'ann',
  args: 'a',
  schema: 's',
  pact: 'p',
  facts: 'f',
}
const life = { expires: 1_800_000_000_000, nonce: 'n'.repeat(22) }
const own = { ...ballot, type: voteStatementType, vote: 'approve', ...life } as const

test('a statement that is made for a question is read for it', () => {
  const text = formatStatement(own)
  const read = readStatement(text, { ballot, vote: 'approve' })
  assert.deepEqual(read, { kind: 'ok', ...life })
})

test('a statement fits no question that differs in anything', () => {
  const text = formatStatement(own)
  const names = ['organisation', 'hold', 'round', 'level', 'call', 'operator'] as const
  const hashes = ['args', 'schema', 'pact', 'facts'] as const
  fc.assert(
    fc.property(fc.constantFrom(...names, ...hashes), fc.string(), (member, value) => {
      fc.pre(value !== String(ballot[member]))
      const other = { ...ballot, [member]: member === 'round' || member === 'level' ? 7 : value }
      const read = readStatement(text, { ballot: other, vote: 'approve' })
      assert.deepEqual(read, { kind: 'mismatch', members: [member] })
    }),
  )
  const read = readStatement(text, { ballot, vote: 'reject' })
  assert.deepEqual(read, { kind: 'mismatch', members: ['vote'] })
})

test('members that are added, dropped or of another type do not fit', () => {
  const asked = { ballot, vote: 'approve' } as const
  const { facts: _dropped, ...less } = own
  const changed = [{ ...own, more: 1 }, less, { ...own, round: '2' }, { ...own, type: 'x' }]
  for (const each of changed) {
    assert.equal(readStatement(JSON.stringify(each), asked).kind, 'mismatch', JSON.stringify(each))
  }
})

test('there is one way to write a statement, and what is no vote is refused', () => {
  const asked = { ballot, vote: 'approve' } as const
  const texts = [
    JSON.stringify(own),
    ` ${formatStatement(own)}`,
    formatStatement(own).replace('"round":2', '"round":2.0'),
    formatStatement({ ...own, nonce: 'short' }),
    formatStatement({ ...own, expires: -1 }),
    '[]',
    'null',
    '{',
    'x'.repeat(5000),
  ]
  for (const text of texts) assert.equal(readStatement(text, asked).kind, 'malformed', text)
})

test('a statement counts before it expires, and must not live longer than a day', () => {
  const now = 1_000_000
  assert.equal(checkLife(now, now), 'expired')
  assert.equal(checkLife(now + 1, now), undefined)
  assert.equal(checkLife(now + voteLifeMsMax, now), undefined)
  assert.equal(checkLife(now + voteLifeMsMax + 1, now), 'too_long')
})
