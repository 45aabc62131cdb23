import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { ApprovalPolicy } from './policy.ts'
import { type CountedVote, countVotes } from './quorum.ts'

const policyOf = (...quorums: number[]): ApprovalPolicy => ({
  id: 'money',
  levels: quorums.map((quorum) => ({ approvers: {}, quorum, withinSeconds: 60 })),
  excludeOwnTeam: false,
  excludeAuthor: true,
  unsigned: 'allowed',
})

const yes: CountedVote = { vote: 'approve', levels: [1] }
const no: CountedVote = { vote: 'reject', levels: [1] }

test('of two that are needed it is two alike, whatever comes first', () => {
  const two = policyOf(2)
  const cases = [
    [[], 'open'],
    [[yes], 'open'],
    [[no], 'open'],
    [[no, yes], 'open'],
    [[no, yes, yes], 'approved'],
    [[yes, yes], 'approved'],
    [[no, no], 'rejected'],
    [[yes, no, no], 'rejected'],
  ] as const
  for (const [votes, standing] of cases) {
    assert.equal(countVotes(two, 1, votes), standing, votes.map((each) => each.vote).join())
  }
})

test('a level is open exactly as long as neither side has its quorum', () => {
  const votes = fc.array(fc.constantFrom(yes, no), { maxLength: 12 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), votes, (quorum, cast) => {
      const approves = cast.filter((each) => each.vote === 'approve').length
      const rejects = cast.length - approves
      const standing = countVotes(policyOf(quorum), 1, cast)
      assert.equal(standing === 'open', approves < quorum && rejects < quorum)
      if (standing === 'approved') assert(approves >= quorum && rejects < quorum)
    }),
  )
})

test('the order of votes does not change what they come to', () => {
  const vote = fc.record({
    vote: fc.constantFrom<'approve' | 'reject'>('approve', 'reject'),
    levels: fc.subarray([1, 2, 3], { minLength: 1 }),
  })
  const quorums = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(quorums, fc.array(vote, { maxLength: 8 }), fc.nat(2), (each, votes, level) => {
      const policy = policyOf(...each)
      const forward = countVotes(policy, level + 1, votes)
      assert.equal(countVotes(policy, level + 1, votes.toReversed()), forward)
    }),
  )
})

test('a vote counts for levels that were asked, and only there where the voter is an approver', () => {
  const policy = policyOf(2, 1)
  const second: CountedVote = { vote: 'approve', levels: [2] }
  assert.equal(countVotes(policy, 1, [second]), 'open', 'level 2 is not asked yet')
  assert.equal(countVotes(policy, 2, [second]), 'approved')
  assert.equal(countVotes(policy, 2, [yes]), 'open', 'one of two of level 1, and none of level 2')
  assert.equal(countVotes(policy, 2, [yes, yes]), 'approved', 'level 1 stays asked')
})

test('where a new level finds both quorums met, the call is rejected', () => {
  const both: CountedVote[] = [
    { vote: 'approve', levels: [1, 2] },
    { vote: 'reject', levels: [1, 2] },
  ]
  assert.equal(countVotes(policyOf(2, 1), 2, both), 'rejected')
})
