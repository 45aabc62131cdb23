import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compilePact } from './compile.ts'
import { exampleManifest, exampleSchemas } from './example.test-data.ts'
import { manifestSchema } from './manifest-schema.ts'
import { pactHash } from './fingerprint.ts'

const example = exampleManifest()

function withApprovals(approvals: unknown, stakes: 'low' | 'high' = 'low') {
  const agent = { ...example.agent, stakes }
  return manifestSchema.parse({ ...example, agent, approvals })
}

function compiledOf(approvals: unknown, stakes?: 'low' | 'high') {
  const outcome = compilePact(withApprovals(approvals, stakes), exampleSchemas)
  assert(outcome.kind === 'ok')
  return outcome.pact.approvals
}

function problemsOf(approvals: unknown): string[] {
  const outcome = compilePact(withApprovals(approvals), exampleSchemas)
  return outcome.kind === 'ok' ? [] : outcome.problems.map(({ path }) => path)
}

test('a pact without approvals has none, and declaring them changes the pact', () => {
  const outcome = compilePact(example, exampleSchemas)
  assert.equal(outcome.kind === 'ok' && outcome.pact.approvals, undefined)
  const level = { withinSeconds: 60 }
  assert.notEqual(pactHash(withApprovals([{ id: 'a', levels: [level] }])), pactHash(example))
})

test('escalation at the end asks every admin, with the quorum and the time of the last level', () => {
  const levels = [
    { approvers: { teams: ['finance'] }, withinSeconds: 60 },
    { approvers: { teams: ['legal'] }, quorum: 2, withinSeconds: 120 },
  ]
  const policy = compiledOf([{ id: 'a', levels, onExpiry: 'escalate' }])?.policies[0]
  const admins = { approvers: { roles: ['admin'] }, quorum: 2, withinSeconds: 120 }
  assert.deepEqual(policy?.levels.at(-1), admins)
  assert.equal(policy?.levels.length, 3)
  assert.equal(compiledOf([{ id: 'a', levels }])?.policies[0]?.levels.length, 2)
})

test('unsigned votes are refused where stakes are high, unless the policy says otherwise', () => {
  const levels = [{ withinSeconds: 60 }]
  const both = [
    { id: 'a', levels },
    { id: 'b', levels, unsigned: 'allowed' },
  ]
  const unsigned = (stakes: 'low' | 'high') => {
    const approvals = compiledOf(both, stakes)
    return [...(approvals?.policies ?? []), approvals?.otherwise].map((each) => each?.unsigned)
  }
  assert.deepEqual(unsigned('high'), ['refused', 'allowed', 'refused'])
  assert.deepEqual(unsigned('low'), ['allowed', 'allowed', 'allowed'])
})

test('ids that are taken, patterns of nothing and quorums of too few people are refused', () => {
  const levels = [{ withinSeconds: 60 }]
  const cases: readonly [unknown, string][] = [
    [
      [
        { id: 'a', levels },
        { id: 'a', levels },
      ],
      'approvals[1].id',
    ],
    [[{ id: 'default', levels }], 'approvals[0].id'],
    [[{ id: 'a', levels, for: { actions: ['retial/*'] } }], 'approvals[0].for.actions[0]'],
    [
      [
        {
          id: 'a',
          levels: [{ approvers: { operators: ['ann', 'ann'] }, quorum: 2, withinSeconds: 60 }],
        },
      ],
      'approvals[0].levels[0].quorum',
    ],
  ]
  for (const [approvals, path] of cases) assert.deepEqual(problemsOf(approvals), [path])
  const shift = { approvers: { operators: ['ann'], onCall: 'x' }, quorum: 2, withinSeconds: 60 }
  assert.deepEqual(problemsOf([{ id: 'a', levels: [shift] }]), [])
})
