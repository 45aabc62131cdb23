import assert from 'node:assert/strict'
import { test } from 'node:test'
import { array, assert as check, integer, property } from 'fast-check'
import {
  alwaysVotesMin,
  type CastVote,
  type DecidedHold,
  fastMs,
  measureLoad,
  repeatedMin,
} from './load.ts'

const hold: DecidedHold = {
  agent: 'shop',
  action: 'desk/refund',
  rules: ['big'],
  end: 'approved',
  openedAtMs: 0,
  decidedAtMs: 60_000,
  amount: { minor: 500n, currency: 'USD' },
  pactId: 'pact-1',
}

const vote: CastVote = {
  operator: 'ada',
  vote: 'approve',
  openedAtMs: 0,
  castAtMs: 60_000,
  viewedAtMs: 10_000,
  isCanary: false,
}

function times<Item>(count: number, item: Item): Item[] {
  return Array.from({ length: count }, () => item)
}

function person(votes: readonly CastVote[]) {
  const [first] = measureLoad({ holds: [], votes }).people
  assert(first !== undefined)
  return first
}

test('nothing decided is nothing measured', () => {
  const { answer, people, repeated } = measureLoad({ holds: [], votes: [] })
  assert.deepEqual([answer, people, repeated], [undefined, [], []])
})

test('half and nine tenths of the answers came within the times that are told', () => {
  const holds = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map((decidedAtMs) => ({
    ...hold,
    decidedAtMs,
  }))
  const unanswered = { ...hold, end: 'expired' as const, decidedAtMs: 1e9 }
  const load = measureLoad({ holds: [...holds, unanswered], votes: [] })
  assert.deepEqual(load.answer, { p50Ms: 50, p90Ms: 90 })
  assert.deepEqual([load.approved, load.rejected, load.expired], [10, 0, 1])
})

test('p50 and p90 are times that occurred, in this order', () => {
  const durations = array(integer({ min: 0, max: 1e9 }), { minLength: 1, maxLength: 50 })
  check(
    property(durations, (list) => {
      const holds = list.map((decidedAtMs) => ({ ...hold, decidedAtMs }))
      const { answer } = measureLoad({ holds, votes: [] })
      assert(answer !== undefined)
      const within = (ms: number) => list.filter((one) => one <= ms).length / list.length
      assert(list.includes(answer.p50Ms) && list.includes(answer.p90Ms))
      assert(within(answer.p50Ms) >= 0.5 && within(answer.p90Ms) >= 0.9)
      assert(answer.p50Ms <= answer.p90Ms)
    }),
  )
})

test('an approval just after the look is fast; one that is late, unseen, or a no is not', () => {
  const looked = { ...vote, viewedAtMs: 1_000 }
  const { fast, unseen, approved, rejected } = person([
    { ...looked, castAtMs: 1_000 + fastMs - 1 },
    { ...looked, castAtMs: 1_000 + fastMs },
    { ...vote, viewedAtMs: undefined },
    { ...looked, vote: 'reject', castAtMs: 1_001 },
  ])
  assert.deepEqual(
    { fast, unseen, approved, rejected },
    { fast: 1, unseen: 1, approved: 3, rejected: 1 },
  )
})

test('fast approvals are a habit from five on, where they are half of what was looked at', () => {
  const quick = { ...vote, viewedAtMs: vote.castAtMs - 1 }
  assert.deepEqual(person(times(4, quick)).warnings, [])
  assert.deepEqual(person([...times(5, quick), ...times(5, vote)]).warnings, ['fast'])
  assert.deepEqual(person([...times(5, quick), ...times(6, vote)]).warnings, [])
})

test('who never says no in twenty votes is told apart from who did once', () => {
  const all = times(alwaysVotesMin, vote)
  assert.deepEqual(person(all).warnings, ['always'])
  assert.equal(person(all).approvedPercent, 100)
  assert.deepEqual(person(all.slice(1)).warnings, [])
  const once = person([...times(alwaysVotesMin * 20, vote), { ...vote, vote: 'reject' }])
  assert.deepEqual([once.warnings, once.approvedPercent], [[], 99])
})

test('a canary counts as a canary and as nothing else', () => {
  const planted = { ...vote, isCanary: true }
  const { canaries, approved, rejected, answer, warnings } = person([
    planted,
    { ...planted, vote: 'reject' },
  ])
  assert.deepEqual(canaries, { approved: 1, rejected: 1 })
  assert.deepEqual([approved, rejected, answer, warnings], [0, 0, undefined, ['canary']])
})

test('the same question approved ten times is found, with the largest amount', () => {
  const alike = times(repeatedMin - 1, hold)
  assert.deepEqual(measureLoad({ holds: alike, votes: [] }).repeated, [])
  const larger = {
    ...hold,
    amount: { minor: 900n, currency: 'USD' },
    decidedAtMs: 9e6,
    pactId: 'p2',
  }
  const [found] = measureLoad({ holds: [...alike, larger], votes: [] }).repeated
  assert.deepEqual(found, {
    agent: 'shop',
    action: 'desk/refund',
    rules: ['big'],
    approved: repeatedMin,
    expired: 0,
    amountMax: { minor: 900n, currency: 'USD' },
    pactId: 'p2',
  })
})

test('one no, or another agent, action or rule, is no repetition', () => {
  const alike = times(repeatedMin - 1, hold)
  const others: readonly Partial<DecidedHold>[] = [
    { end: 'rejected' },
    { end: 'expired' },
    { agent: 'other' },
    { action: 'desk/pay' },
    { rules: ['big', 'late'] },
  ]
  for (const other of others) {
    const holds = [...alike, { ...hold, ...other }]
    assert.deepEqual(measureLoad({ holds, votes: [] }).repeated, [], JSON.stringify(other))
  }
  const rejected = { ...hold, end: 'rejected' as const }
  const holds = [...times(repeatedMin * 3, hold), rejected]
  assert.deepEqual(measureLoad({ holds, votes: [] }).repeated, [])
})

test('amounts of two currencies, or of some only, have no largest', () => {
  for (const amount of [undefined, { minor: 1n, currency: 'EUR' }]) {
    for (const at of [0, 5, repeatedMin]) {
      const holds = times(repeatedMin, hold).toSpliced(at, 0, { ...hold, amount })
      assert.equal(measureLoad({ holds, votes: [] }).repeated[0]?.amountMax, 'mixed')
    }
  }
  const holds = times(repeatedMin, { ...hold, amount: undefined })
  assert.equal(measureLoad({ holds, votes: [] }).repeated[0]?.amountMax, 'none')
})
