import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ApprovalPolicy, type Approvers, defaultPolicy } from './policy.ts'
import { entitle, type HeldFor, type Voter } from './voter.ts'

const ann: Voter = {
  operatorId: 'ann',
  personId: 'ann',
  name: 'Ann',
  role: 'approver',
  teams: ['finance'],
}
const held: HeldFor = {
  authors: ['opener', 'launcher-adder'],
  writer: undefined,
  ownerTeam: 'support',
  onCall: new Map([['nights', 'ann']]),
}

function policyOf(...approvers: Approvers[]): ApprovalPolicy {
  const levels = approvers.map((each) => ({ approvers: each, quorum: 1, withinSeconds: 60 }))
  return { ...defaultPolicy(60), id: 'p', levels, excludeAuthor: true }
}

test('an approver is named by role, team, name or shift, for each level on its own', () => {
  const policy = policyOf(
    { roles: ['admin'] },
    { teams: ['finance'] },
    { operators: ['Ann'] },
    { onCall: 'nights' },
    { teams: ['legal'], roles: ['approver'] },
    { onCall: 'days' },
    {},
  )
  assert.deepEqual(entitle(policy, ann, held), { kind: 'may', levels: [2, 3, 4, 5, 7] })
})

test('whoever no level names is refused, and so is a role that never votes', () => {
  const others = policyOf({ teams: ['legal'] }, { roles: ['admin'] })
  assert.deepEqual(entitle(others, ann, held), { kind: 'refused', reason: 'not_asked' })
  for (const role of ['auditor', 'launcher'] as const) {
    const refused = entitle(policyOf({}), { ...ann, role }, held)
    assert.deepEqual(refused, { kind: 'refused', reason: 'role' })
  }
})

test('the author never votes where a policy says who does; who edited a call, never at all', () => {
  const opener = { ...ann, operatorId: 'opener', personId: 'opener' }
  assert.deepEqual(entitle(policyOf({}), opener, held), { kind: 'refused', reason: 'author' })
  assert.equal(entitle(defaultPolicy(60), opener, held).kind, 'may')
  const own = { ...held, writer: 'ann' }
  assert.deepEqual(entitle(defaultPolicy(60), ann, own), { kind: 'refused', reason: 'author' })
})

test('whom an operator has added is the same person, and takes no name that is asked', () => {
  const second = { ...ann, operatorId: 'second', name: 'Second', personId: 'opener' }
  assert.deepEqual(entitle(policyOf({}), second, held), { kind: 'refused', reason: 'author' })
  const own = { ...held, authors: [], writer: 'opener' }
  assert.deepEqual(entitle(defaultPolicy(60), second, own), { kind: 'refused', reason: 'author' })
  const named = policyOf({ operators: ['Ann'] })
  const squatter = { ...ann, operatorId: 'squatter', personId: 'cleo' }
  const reason = 'not_asked'
  assert.deepEqual(entitle(named, squatter, held), { kind: 'refused', reason })
  assert.equal(entitle(named, ann, held).kind, 'may')
})

test("the agent's own team is excluded only where the policy says so", () => {
  const sam = { ...ann, operatorId: 'sam', teams: ['support'] }
  assert.equal(entitle(policyOf({}), sam, held).kind, 'may')
  const strict = { ...policyOf({}), excludeOwnTeam: true }
  assert.deepEqual(entitle(strict, sam, held), { kind: 'refused', reason: 'own_team' })
  assert.equal(entitle(strict, ann, held).kind, 'may')
})
