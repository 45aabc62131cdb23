// The operations on budgets, over HTTP on a real PostgreSQL.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { SetBudget } from '@airworthy/sdk'
import { type ApiServer, ask, enrolDesk, startApi } from '../api-server.ts'

let api: ApiServer
before(async () => {
  api = await startApi()
  await enrolDesk(api)
})
after(() => api[Symbol.asyncDispose]())

const month = { kind: 'calendar', unit: 'month', zone: 'Europe/Berlin' } as const
const team: SetBudget = {
  scope: 'team',
  subject: 'support@example.com',
  window: month,
  limits: { moneyUsd: '1000', inputTokens: 5_000_000 },
}

test('a budget is shown as it was set, with defaults, and set anew as a whole', async () => {
  const { budget, created } = await api.client.setBudget('team', team)
  assert.equal(created, true)
  assert.deepEqual(budget.limits, { inputTokens: 5_000_000, moneyUsd: '1000' })
  assert.deepEqual([budget.onHit, budget.alerts, budget.ledgers], ['block', [50, 80, 100], []])
  assert.deepEqual([budget.subject, budget.subjectName], [team.subject, team.subject])
  const again = await api.client.setBudget('team', {
    ...team,
    limits: { moneyUsd: '0.000000001' },
    onHit: 'redirect',
    alerts: [],
  })
  assert.equal(again.created, false)
  assert.equal(again.budget.id, budget.id)
  assert.deepEqual(again.budget.limits, { moneyUsd: '0.000000001' })
  assert.deepEqual([again.budget.onHit, again.budget.alerts], ['redirect', []])
  assert.deepEqual(await api.client.getBudget('team'), again.budget)
  const { budgets } = await api.client.listBudgets()
  assert.deepEqual(
    budgets.map(({ name }) => name),
    ['team'],
  )
  assert.deepEqual(await api.client.removeBudget('team'), { name: 'team' })
  for (const asking of [
    () => api.client.getBudget('team'),
    () => api.client.removeBudget('team'),
  ]) {
    await assert.rejects(asking, { status: 404, code: 'budget.unknown' })
  }
})

test('an agent and a version are named as people name them', async () => {
  const { agent } = await api.client.getAgent('desk')
  const common = { window: { kind: 'whole' }, limits: { calls: 5 } } as const
  const ofAgent = await api.client.setBudget('a', { scope: 'agent', subject: 'desk', ...common })
  assert.deepEqual([ofAgent.budget.subject, ofAgent.budget.subjectName], [agent.id, 'desk'])
  const ofVersion = await api.client.setBudget('v', {
    scope: 'version',
    subject: 'desk v1',
    ...common,
  })
  assert.equal(ofVersion.budget.subject, agent.version.id)
  assert.equal(ofVersion.budget.subjectName, 'desk v1')
  const same = { scope: 'version', subject: agent.version.id, ...common } as const
  assert.equal((await api.client.setBudget('v', same)).created, false)
  await assert.rejects(api.client.setBudget('x', { ...same, scope: 'agent', subject: 'nobody' }), {
    code: 'agent.unknown',
  })
  await assert.rejects(api.client.setBudget('x', { ...same, subject: 'desk v9' }), {
    code: 'request.invalid',
  })
  const other = { scope: 'agent', ...common } as const
  await assert.rejects(api.client.setBudget('a', other), { code: 'budget.scope_fixed' })
  for (const name of ['a', 'v']) await api.client.removeBudget(name)
})

test('what makes no budget is refused, and says where', async () => {
  const bad: readonly (readonly [string, unknown])[] = [
    ['/v1/budgets/alerts', team],
    ['/v1/budgets/-x', team],
    ['/v1/budgets/x', { ...team, limits: {} }],
    ['/v1/budgets/x', { ...team, limits: { calls: -1 } }],
    ['/v1/budgets/x', { ...team, limits: { moneyUsd: '01' } }],
    ['/v1/budgets/x', { ...team, limits: { moneyUsd: '1e3' } }],
    ['/v1/budgets/x', { ...team, window: { ...month, zone: 'Mars/Olympus' } }],
    ['/v1/budgets/x', { ...team, window: { kind: 'rolling', seconds: 1 } }],
    ['/v1/budgets/x', { ...team, alerts: [80, 50] }],
    ['/v1/budgets/x', { ...team, alerts: [101] }],
    ['/v1/budgets/x', { ...team, scope: 'organisation' }],
    ['/v1/budgets/x', { ...team, scope: 'session', subject: 'no id' }],
    ['/v1/budgets/x', { ...team, window: undefined }],
  ]
  for (const [path, body] of bad) {
    const { status, code } = await ask(api, { path, body })
    assert.deepEqual([status, code], [400, 'request.invalid'], JSON.stringify(body))
  }
  assert.deepEqual((await api.client.listBudgets()).budgets, [])
  await assert.rejects(api.client.listBudgets({ ledgers: 101 }), { code: 'request.invalid' })
})

test('there are at most a hundred', async () => {
  const each: SetBudget = { scope: 'agent', window: { kind: 'whole' }, limits: { calls: 1 } }
  for (let at = 0; at < 100; at += 1) await api.client.setBudget(`b${at}`, each)
  await assert.rejects(api.client.setBudget('more', each), {
    status: 409,
    code: 'budget.too_many',
  })
  for (let at = 0; at < 100; at += 1) await api.client.removeBudget(`b${at}`)
})

test('an auditor looks at budgets and changes none; a launcher does not even look', async () => {
  const auditor = await api.client.addOperator({ name: 'auditor', role: 'auditor' })
  const launcher = await api.client.addOperator({ name: 'launcher', role: 'launcher' })
  const statuses = async (key: string): Promise<number[]> => {
    const asked = [
      { path: '/v1/budgets' },
      { path: '/v1/budgets/alerts' },
      { path: '/v1/budgets/x', body: team },
      { path: '/v1/budgets/x/remove', body: {} },
      { path: '/v1/calls/reconcile', body: { reason: 'r', as: 'zero', olderThanSeconds: 0 } },
    ]
    return Promise.all(asked.map(async (each) => (await ask(api, { ...each, key })).status))
  }
  assert.deepEqual(await statuses(auditor.key), [200, 200, 403, 403, 403])
  assert.deepEqual(await statuses(launcher.key), [403, 403, 403, 403, 403])
})

test('alerts of a budget that is not there are refused; the cursor is checked', async () => {
  assert.deepEqual(await api.client.listBudgetAlerts(), { alerts: [], next: null })
  await assert.rejects(api.client.listBudgetAlerts({ budget: 'none' }), {
    code: 'budget.unknown',
  })
  await assert.rejects(api.client.listBudgetAlerts({ after: '1' }), { code: 'request.invalid' })
})

test('calls are reconciled one by one or by age, never half said', async () => {
  const id = '019a0000-0000-7000-8000-000000000001'
  const usage = { promptTokens: 10, completionTokens: 1 }
  const bad = [
    {},
    { call: id },
    { call: id, as: 'zero', olderThanSeconds: 0 },
    { call: id, as: 'zero', usage },
    { call: id, as: 'zero', costUsd: '1' },
    { call: id, as: 'zero', agent: 'desk' },
    { call: id, usage: { ...usage, cachedTokens: 11 } },
    { olderThanSeconds: 0 },
    { olderThanSeconds: 0, usage },
    { olderThanSeconds: -1, as: 'zero' },
  ]
  for (const each of bad) {
    const body = { reason: 'a test', ...each }
    const { status, code } = await ask(api, { path: '/v1/calls/reconcile', body })
    assert.deepEqual([status, code], [400, 'request.invalid'], JSON.stringify(each))
  }
  await assert.rejects(api.client.reconcileCalls({ call: id, as: 'zero', reason: 'r' }), {
    code: 'call.unknown',
  })
  const none = { dryRun: false, calls: [], leases: [], more: false }
  const all = { olderThanSeconds: 0, as: 'worst', reason: 'r' } as const
  assert.deepEqual(await api.client.reconcileCalls(all), none)
})
