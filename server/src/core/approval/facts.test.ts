import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changedFacts, hashFacts, type HoldFacts, taintLevel, whyHeld } from './facts.ts'

const shown: HoldFacts = {
  action: 'desk/refund',
  effectClass: 'compensable',
  amount: { minor: '500', currency: 'USD' },
  counterparty: null,
  taint: 'none',
  why: [
    { rule: 'big', reason: 'over 4 USD' },
    { rule: 'escalation.anomaly', reason: '7 calls this hour' },
  ],
}

test('facts that stay the same change nothing, nor does a rule that holds no more', () => {
  assert.deepEqual(changedFacts(shown, shown), [])
  assert.deepEqual(changedFacts(shown, { ...shown, why: shown.why.slice(1) }), [])
  assert.deepEqual(changedFacts(shown, { ...shown, why: [] }), [])
})

test('the words of a rule may count on, but a rule that was not shown opens the question again', () => {
  const counted = [{ rule: 'escalation.anomaly', reason: '9 calls this hour' }]
  assert.deepEqual(changedFacts(shown, { ...shown, why: counted }), [])
  const more = [...shown.why, { rule: 'taint.trifecta', reason: 'x' }]
  assert.deepEqual(changedFacts(shown, { ...shown, why: more }), ['why'])
})

test('each other part that changed is named', () => {
  const changes: Partial<HoldFacts>[] = [
    { action: 'desk/pay' },
    { amount: { minor: '501', currency: 'USD' } },
    { counterparty: 'x' },
    { effectClass: 'irreversible' },
    { taint: 'private' },
  ]
  for (const change of changes) {
    assert.deepEqual(changedFacts(shown, { ...shown, ...change }), Object.keys(change))
    assert.notEqual(hashFacts({ ...shown, ...change }), hashFacts(shown))
  }
})

test('the hash is of what is shown, words included, and not of its order in memory', () => {
  const { why, ...rest } = shown
  assert.equal(hashFacts({ why, ...rest }), hashFacts(shown))
  const other = [{ rule: 'big', reason: 'over 400 USD' }, ...why.slice(1)]
  assert.notEqual(hashFacts({ ...shown, why: other }), hashFacts(shown))
})

test('why a call is held is what its holding rules said, by rule', () => {
  const reasons = [
    { rule: 'z', verdict: 'hold', reason: 'b' },
    { rule: 'ok', verdict: 'allow', reason: '' },
    { rule: 'a', verdict: 'hold', reason: 'c' },
  ] as const
  const why = whyHeld({ verdict: 'hold', code: 'call.held', reasons })
  assert.deepEqual(
    why.map((each) => each.rule),
    ['a', 'z'],
  )
})

test('the taint of a session is a level', () => {
  assert.equal(taintLevel(undefined), 'none')
  assert.equal(taintLevel({ untrusted: ['1 a/b'], private: [] }), 'untrusted')
  assert.equal(taintLevel({ untrusted: [], private: ['1 a/b'] }), 'private')
  assert.equal(taintLevel({ untrusted: ['1 a/b'], private: ['1 a/b'] }), 'untrusted and private')
})
