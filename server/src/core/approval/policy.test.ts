import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  type ApprovalPolicy,
  choosePolicy,
  type DeclaredApproval,
  defaultPolicy,
  policyOfReopened,
  totalSeconds,
} from './policy.ts'

function declared(id: string, more: Partial<DeclaredApproval> = {}): DeclaredApproval {
  return { ...defaultPolicy(60), id, excludeAuthor: true, rules: [], actions: [], ...more }
}

const asking = (...quorums: number[]) =>
  quorums.map((quorum) => ({ approvers: {}, quorum, withinSeconds: 60 }))

const otherwise = { ...defaultPolicy(3600), excludeAuthor: true }

const weakest = (levels: readonly { readonly quorum: number }[] = []) =>
  Math.min(...levels.map((level) => level.quorum))

test('the first policy that matches rule and action counts', () => {
  const policies = [
    declared('refunds', { rules: ['big-*'], actions: ['desk/refund'] }),
    declared('big', { rules: ['big-*'] }),
    declared('rest'),
  ]
  const choose = (rule: string, action: string) =>
    choosePolicy({ policies, otherwise }, { rules: [rule], action })?.id
  assert.equal(choose('big-refund', 'desk/refund'), 'refunds')
  assert.equal(choose('big-refund', 'desk/pay'), 'big')
  assert.equal(choose('taint.trifecta', 'desk/pay'), 'rest')
})

test('where nothing matches one approval is asked for; where nothing is declared there is no policy', () => {
  const policies = [declared('pay', { actions: ['desk/pay'], levels: asking(3) })]
  const held = { rules: ['big'], action: 'desk/refund' }
  assert.equal(choosePolicy({ policies, otherwise }, held)?.id, 'default')
  assert.equal(choosePolicy({ policies, otherwise }, held)?.levels[0]?.quorum, 1)
  assert.equal(choosePolicy(undefined, held), undefined)
})

test('of several policies the one counts whose weakest level asks the most people', () => {
  const policies = [
    declared('one', { rules: ['a'] }),
    declared('escapes', { rules: ['b'], levels: asking(5, 1) }),
    declared('two', { rules: ['c'], levels: asking(2) }),
  ]
  const choose = (...rules: string[]) =>
    choosePolicy({ policies, otherwise }, { rules, action: 'desk/pay' })?.id
  assert.equal(choose('a', 'b', 'c'), 'two')
  assert.equal(choose('a', 'b'), 'escapes')
  assert.equal(choose('unmatched', 'a'), 'one', 'a declared policy comes before none')
})

test('what any of the policies excludes or refuses, is', () => {
  const policies = [
    declared('two', { rules: ['a'], levels: asking(2) }),
    declared('strict', { rules: ['b'], excludeOwnTeam: true, unsigned: 'refused' }),
  ]
  const chosen = choosePolicy({ policies, otherwise }, { rules: ['a', 'b'], action: 'x/y' })
  assert.deepEqual(
    [chosen?.id, chosen?.excludeOwnTeam, chosen?.unsigned, chosen?.excludeAuthor],
    ['two', true, 'refused', true],
  )
})

test('another rule that holds a call never makes its approval easier, in whatever order', () => {
  const policy = fc.record({
    quorums: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
    excludeOwnTeam: fc.boolean(),
    unsigned: fc.constantFrom<'allowed' | 'refused'>('allowed', 'refused'),
  })
  fc.assert(
    fc.property(fc.array(policy, { minLength: 2, maxLength: 6 }), (made) => {
      const policies = made.map(({ quorums, ...flags }, at) =>
        declared(`p${at}`, { ...flags, levels: asking(...quorums), rules: [`r${at}`] }),
      )
      const rules = policies.map((_, at) => `r${at}`)
      const choose = (held: readonly string[]) =>
        choosePolicy({ policies, otherwise }, { rules: held, action: 'desk/pay' })
      const all = choose(rules)
      assert.deepEqual(choose(rules.toReversed()), all)
      for (const rule of rules) {
        const alone = choose([rule])
        assert(weakest(all?.levels) >= weakest(alone?.levels))
        assert(all?.excludeOwnTeam === true || alone?.excludeOwnTeam === false)
        assert(all?.unsigned === 'refused' || alone?.unsigned === 'allowed')
      }
    }),
  )
})

test('a hold lasts as long as its levels together', () => {
  assert.equal(totalSeconds(declared('three', { levels: asking(1, 1, 1) })), 180)
})

const anyPolicy: fc.Arbitrary<ApprovalPolicy> = fc.record({
  id: fc.constantFrom('a', 'b'),
  levels: fc
    .array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 })
    .map((quorums) => {
      return asking(...quorums)
    }),
  excludeOwnTeam: fc.boolean(),
  excludeAuthor: fc.boolean(),
  unsigned: fc.constantFrom('allowed' as const, 'refused' as const),
})

test('a question that is opened again is never easier than before', () => {
  fc.assert(
    fc.property(anyPolicy, fc.option(anyPolicy, { nil: undefined }), (before, now) => {
      const asked = policyOfReopened(before, now)
      assert(asked)
      assert(weakest(asked.levels) >= weakest(before.levels))
      assert(asked.excludeAuthor || !before.excludeAuthor)
      assert(asked.excludeOwnTeam || !before.excludeOwnTeam)
      assert(asked.unsigned === 'refused' || before.unsigned === 'allowed')
    }),
  )
  assert.equal(policyOfReopened(undefined, undefined), undefined)
})
