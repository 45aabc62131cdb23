import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Budget, noLimit } from './budget.ts'
import { formerAfter, generationOf, passedThresholds, type Policy, subjectOf } from './policy.ts'

const policy: Policy = {
  policyId: 'p',
  name: 'team-day',
  scope: 'team',
  subject: undefined,
  window: { kind: 'calendar', unit: 'day', zone: 'UTC' },
  limits: [10n, undefined, undefined, undefined, undefined],
  onHit: 'block',
  alerts: [50, 80, 100],
  former: [],
  isActive: true,
}
const call = { team: 'support', agentId: 'a', versionId: 'v', endUser: '', sessionId: 's' }

test('a policy counts a call for its own subject, or for each', () => {
  assert.equal(subjectOf(policy, call), 'support')
  assert.equal(subjectOf({ ...policy, subject: 'sales' }, call), undefined)
  assert.equal(subjectOf({ ...policy, scope: 'organisation' }, call), '')
  assert.equal(subjectOf({ ...policy, scope: 'version', subject: 'v' }, call), 'v')
  assert.equal(subjectOf({ ...policy, isActive: false }, call), undefined)
})

test('a call that names no user counts as nobody’s: saying nothing is no way round a budget', () => {
  assert.equal(subjectOf({ ...policy, scope: 'user' }, call), '')
})

function budgetWith(limit: bigint, use: Partial<Budget>): Budget {
  const none = { settled: 0n, reserved: 0n, unknown: 0n, overrun: 0n }
  return { scopeId: 's', unit: 'calls', limit, ...none, leasedByOthers: 0n, lease: 0n, ...use }
}

function passed(use: Partial<Budget>, limit = 10n): number[] {
  return passedThresholds([budgetWith(limit, use)], [50, 80, 100]).map((each) => each.threshold)
}

test('thresholds count what was used or may have been, not what calls hold or leases reserve', () => {
  assert.deepEqual(passed({ reserved: 10n, leasedByOthers: 10n }), [])
  assert.deepEqual(passed({ settled: 4n, unknown: 1n }), [50])
  assert.deepEqual(passed({ settled: 8n }), [50, 80])
  assert.deepEqual(passed({ settled: 9n, overrun: 1n }), [50, 80, 100])
  assert.deepEqual(passed({ settled: 9n }, noLimit), [])
  assert.deepEqual(passed({}, 0n), [])
})

test('a budget that refuses a call it would hold when empty has passed 100 %', () => {
  const hit = budgetWith(10n, { settled: 8n })
  assert.deepEqual(passedThresholds([hit], [100], hit), [
    { threshold: 100, unit: 'calls', used: 8n, limit: 10n },
  ])
})

test('another window is another generation; a rolling one may change its length', () => {
  const week = { kind: 'calendar', unit: 'week', zone: 'UTC' } as const
  assert.deepEqual(formerAfter(policy, policy.window, 5), [])
  const former = formerAfter(policy, week, 5)
  assert.deepEqual(former, [{ window: policy.window, untilMs: 5, generation: 0 }])
  assert.equal(generationOf({ former }), 1)
  const rolling: Policy = { ...policy, window: { kind: 'rolling', seconds: 60 } }
  assert.deepEqual(formerAfter(rolling, { kind: 'rolling', seconds: 120 }, 5), [])
})
