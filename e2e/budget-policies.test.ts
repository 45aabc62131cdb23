// Budgets of the organisation on the real server: whom they hold, at once and on every replica; what
// they tell; and how an operator settles what nobody knows.
import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { BudgetPolicy, SetBudget } from '@airworthy/sdk'
import { runCli } from '../server/test/cli/run-cli.ts'
import { agentClients, chat, type ModelReply } from './harness/clients.ts'
import { enrol, standGround, type TestAgent } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { prices, usualCostNanoUsd, usualTokens } from './harness/manifest.ts'
import { type Server, startServer, temporaryDirectory } from './harness/server.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { server, upstream } = ground
const { client } = server

const day = { kind: 'rolling', seconds: 86_400 } as const

/** Holds until the end of the block. */
async function budget(
  name: string,
  setting: Partial<SetBudget>,
): Promise<AsyncDisposable & { readonly show: () => Promise<BudgetPolicy> }> {
  await client.setBudget(name, { scope: 'organisation', window: day, limits: {}, ...setting })
  return {
    show: () => client.getBudget(name),
    [Symbol.asyncDispose]: async () => void (await client.removeBudget(name)),
  }
}

function airworthy(...args: string[]) {
  const env = { AIRWORTHY_URL: server.url, AIRWORTHY_OPERATOR_KEY: server.operatorKey }
  return runCli(args, { env })
}

function isRefusedBy(reply: ModelReply, name: string): void {
  assert.deepEqual([reply.status, reply.code], [429, 'budget.exceeded'], reply.text)
  assert(reply.text.includes(`(${name})`), reply.text)
}

async function enrolOf(owner: string, name: string, more: Json = {}): Promise<TestAgent> {
  return enrol(ground, { name, more: { agent: { name, owner, stakes: 'low' }, ...more } })
}

test('each scope refuses with its name, those it is for and nobody else', async () => {
  const ours = await enrolOf('payments@example.com', 'payer')
  const theirs = await enrolOf('sales@example.com', 'seller')
  await using mine = await ours.open({ endUser: 'alice' })
  await using other = await theirs.open({ endUser: 'bob' })
  const subjects = {
    team: 'payments@example.com',
    agent: 'payer',
    version: 'payer v1',
    user: 'alice',
    session: mine.id,
  } as const
  for (const [scope, subject] of [
    ['organisation', undefined],
    ['team', subjects.team],
    ['agent', subjects.agent],
    ['version', subjects.version],
    ['user', subjects.user],
    ['session', subjects.session],
  ] as const) {
    const setting = { scope, limits: { calls: 1 }, ...(subject === undefined ? {} : { subject }) }
    await using held = await budget(`one-${scope}`, setting)
    assert.equal((await mine.post(chat())).status, 200)
    isRefusedBy(await mine.post(chat()), `one-${scope}`)
    const reply = await other.post(chat())
    if (scope === 'organisation') isRefusedBy(reply, 'one-organisation')
    else assert.equal(reply.status, 200, `${scope}: ${reply.text}`)
    const { ledgers } = await held.show()
    assert.deepEqual(
      ledgers.map(({ units }) => units[0]?.settled),
      ['1'],
    )
  }
  assert.equal((await mine.post(chat())).status, 200, 'a budget that is removed refuses nothing')
})

test('tools count as well, and a budget of tokens or money says so', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  {
    await using held = await budget('calls', { limits: { calls: 1 } })
    assert.equal((await session.call('get_order', { order_id: 'a' })).isError, false)
    const denied = await session.call('get_order', { order_id: 'a' })
    assert.equal(at(denied.value, 'code'), 'budget.exceeded')
    assert.equal((await held.show()).ledgers[0]?.units[0]?.settled, '1')
  }
  for (const [limits, unit] of [
    [{ inputTokens: 10 }, 'input_tokens'],
    [{ outputTokens: 10 }, 'output_tokens'],
    [{ tokens: 10 }, 'tokens'],
    [{ moneyUsd: '0.000001' }, 'nano_usd'],
  ] as const) {
    await using held = await budget('tight', { limits })
    const reply = await session.post(chat())
    isRefusedBy(reply, 'tight')
    assert(reply.text.includes(` ${unit}, `), reply.text)
    const { ledgers } = await held.show()
    const uses = ledgers.flatMap(({ units }) => units.filter((use) => use.unit === unit))
    assert.deepEqual(
      uses.map(({ settled, reserved, unknown }) => [settled, reserved, unknown]),
      [['0', '0', '0']],
      'a refused call is counted nowhere',
    )
  }
})

test('each user has a budget of their own, and the command line shows whose is used', async () => {
  const agent = await enrol(ground)
  await using alice = await agent.open({ endUser: 'alice' })
  await using again = await agent.open({ endUser: 'alice' })
  await using bob = await agent.open({ endUser: 'bob' })
  await using held = await budget('each-user', { scope: 'user', limits: { calls: 2 } })
  assert.equal((await alice.post(chat())).status, 200)
  assert.equal((await again.post(chat())).status, 200)
  isRefusedBy(await alice.post(chat()), 'each-user')
  assert.equal((await bob.post(chat())).status, 200)
  const { stdout } = await airworthy('budget', 'list')
  assert.match(stdout, /^each-user +each user: alice +rolling 1d +calls +2 .*\[#{10}\] 100\.0%/m)
  assert.match(stdout, /^each-user +each user: bob .*\[#{5}[+.]{5}\] 50\.0%/m)
  const shown = await airworthy('budget', 'show', 'each-user', '--json')
  const use = at(JSON.parse(shown.stdout), 'ledgers.1.units.0')
  assert.deepEqual([at(use, 'settled'), at(use, 'percent')], ['1', 50])
  assert.deepEqual(
    (await held.show()).ledgers.map(({ subject }) => subject),
    ['alice', 'bob'],
  )
})

async function startReplica(owner: AsyncDisposableStack): Promise<Server> {
  const { dataDir: from, operatorKey } = server
  const dataDir = await temporaryDirectory(owner)
  await cp(join(from, 'master.key'), join(dataDir, 'master.key'))
  return owner.use(await startServer({ databaseUrl: ground.databaseUrl, dataDir, operatorKey }))
}

test('a user whom nobody has seen before is held from the first call on, over all sessions', async () => {
  const agent = await enrolOf('tests@example.com', 'first-seen')
  await using newcomers = await budget('newcomers', { scope: 'user', limits: { calls: 3 } })
  await using one = await agent.open({ endUser: 'newcomer' })
  await using two = await agent.open({ endUser: 'newcomer' })
  const replies = await Promise.all(
    Array.from({ length: 20 }, (_, turn) => (turn % 2 === 0 ? one : two).post(chat())),
  )
  assert.equal(replies.filter((reply) => reply.status === 200).length, 3)
  assert.equal(upstream.asked('first-seen').length, 3)
  assert.equal((await newcomers.show()).name, 'newcomers')
})

test('a change holds at once, for sessions that are open, on every replica', async () => {
  await using owner = new AsyncDisposableStack()
  const replica = await startReplica(owner)
  const agent = await enrol(ground)
  await using first = await agent.open()
  const { sessionKey } = first
  await using second = agentClients({ url: replica.url, apiKey: agent.apiKey, sessionKey })
  const allowed = async (): Promise<number> => {
    let count = 0
    for (let turn = 0; turn < 8; turn += 1) {
      const reply = await (turn % 2 === 0 ? first : second).post(chat())
      if (reply.status === 200) count += 1
      else isRefusedBy(reply, 'shared')
    }
    return count
  }
  await first.post(chat())
  await second.post(chat())
  await using held = await budget('shared', { limits: { calls: 3 } })
  assert.equal(await allowed(), 3)
  assert.equal((await held.show()).ledgers[0]?.units[0]?.percent, 100)
  await replica.client.setBudget('shared', {
    scope: 'organisation',
    window: day,
    limits: { calls: 5 },
  })
  assert.equal(await allowed(), 2)
  await client.setBudget('shared', { scope: 'organisation', window: day, limits: { calls: 0 } })
  assert.equal(await allowed(), 0)
  await client.setBudget('shared', { scope: 'organisation', window: day, limits: { tokens: 9e9 } })
  assert.equal(await allowed(), 8)
})

test('thresholds are told once, in the record, in the program’s log and on the command line', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open({ endUser: 'dora' })
  await using held = await budget('watched', {
    scope: 'user',
    limits: { calls: 10 },
    alerts: [50, 80, 100],
  })
  for (let turn = 0; turn < 12; turn += 1) await session.post(chat())
  const { alerts } = await client.listBudgetAlerts({ budget: 'watched' })
  assert.deepEqual(
    alerts.map(({ threshold, used, subject }) => [threshold, used, subject]),
    [
      [100, '10', 'dora'],
      [80, '8', 'dora'],
      [50, '5', 'dora'],
    ],
  )
  const page = await client.listBudgetAlerts({ budget: 'watched', limit: 2 })
  const rest = await client.listBudgetAlerts({ budget: 'watched', after: page.next ?? '' })
  assert.deepEqual([...page.alerts, ...rest.alerts], alerts)
  const [newest] = alerts
  assert(newest !== undefined)
  assert.equal(newest.ledgerId, (await held.show()).ledgers[0]?.id)
  const lines = server.stderr().split('\n')
  const told = lines.filter((line) => line.includes('passed a threshold') && line.includes('watch'))
  assert.equal(told.length, 3, told.join('\n'))
  assert(!told.join('').includes('dora'), 'the log names no person')
  const { stdout } = await airworthy('budget', 'alerts', '--budget', 'watched')
  assert.match(stdout, new RegExp(`watched +dora +100% +calls +10 +10 +${newest.call}`))
})

test('a budget that may redirect sends calls to the cheaper model, one that blocks does not', async () => {
  const name = 'redirected'
  const baseUrl = upstream.base('echo', name)
  const model = { wire: 'openai', baseUrl, prices, maxOutputTokens: 1000 }
  const free = { ...model, name: 'cheap', upstreamModel: 'cheap-1', prices: 'free' }
  const models = [{ ...model, name: 'fake', onBudget: { redirect: 'cheap' } }, free]
  const agent = await enrol(ground, { name, more: { models } })
  await using session = await agent.open()
  const tight = { limits: { moneyUsd: '0.000001' } } as const
  await using held = await budget('tight', { ...tight, onHit: 'redirect' })
  const reply = await session.post(chat())
  assert.deepEqual([reply.status, reply.headers.get('airworthy-model')], [200, 'cheap'], reply.text)
  assert.equal((await held.show()).ledgers[0]?.units[0]?.settled, '1')
  await client.setBudget('tight', { scope: 'organisation', window: day, ...tight })
  isRefusedBy(await session.post(chat()), 'tight')
})

test('what nobody knows holds the budget until an operator settles it', async () => {
  const agent = await enrol(ground, { behaviour: 'no-usage' })
  await using session = await agent.open()
  const bound = Buffer.byteLength(JSON.stringify(chat())) + 50
  await using held = await budget('held', { limits: { tokens: bound * 2 } })
  const calls: string[] = []
  for (let turn = 0; turn < 2; turn += 1) {
    const reply = await session.post(chat())
    assert.equal(reply.status, 200)
    calls.push(reply.headers.get('airworthy-call') ?? '')
  }
  isRefusedBy(await session.post(chat()), 'held')
  const [first = '', second = ''] = calls
  const unknownTokens = async (): Promise<string | undefined> =>
    (await held.show()).ledgers[0]?.units.find(({ unit }) => unit === 'tokens')?.unknown
  assert.equal(await unknownTokens(), String(bound * 2))
  // One call as the provider's account says, priced by its pact.
  const usage = { promptTokens: 100, cachedTokens: 40, completionTokens: 20 }
  const one = await client.reconcileCalls({ call: first, usage, reason: 'the account of May' })
  assert.deepEqual(
    one.calls.map(({ id, used }) => [id, used.costNanoUsd, used.tokens]),
    [[first, String(usualCostNanoUsd), String(usualTokens)]],
  )
  const settled = await client.getCall(first)
  assert.deepEqual(
    [settled.state, settled.costNanoUsd, settled.usage],
    ['done', String(usualCostNanoUsd), usage],
  )
  await assert.rejects(client.reconcileCalls({ call: first, as: 'zero', reason: 'again' }), {
    code: 'request.invalid',
  })
  // The other with all that is as old, which the command line only shows at first.
  const all = ['call', 'reconcile', '--older-than', '0s', '--as', 'zero', '--reason', 'never sent']
  const shown = await airworthy(...all)
  assert.match(shown.stdout, new RegExp(`${second} +${agent.name} +fake`))
  assert.match(shown.stderr, /Say --yes/)
  assert.equal(await unknownTokens(), String(bound))
  const done = await airworthy(...all, '--agent', agent.name, '--yes', '--json')
  assert.equal(done.exitCode, 0, done.stderr)
  assert.equal(at(JSON.parse(done.stdout), 'calls.0.id'), second)
  assert.equal(await unknownTokens(), '0')
  assert.equal((await client.getCall(second)).state, 'failed')
  assert.equal((await session.post(chat())).status, 200)
})

test('what a gateway held when it died is settled with the calls that are as old', async () => {
  await using owner = new AsyncDisposableStack()
  const dying = await startReplica(owner)
  const agent = await enrol(ground)
  await using session = await agent.open()
  const { sessionKey } = session
  await using there = agentClients({ url: dying.url, apiKey: agent.apiKey, sessionKey })
  await using held = await budget('leased', { limits: { calls: 40 } })
  await Promise.all(Array.from({ length: 20 }, () => there.post(chat())))
  await dying.kill()
  const all = { olderThanSeconds: 0, as: 'zero', reason: 'the gateway died' } as const
  await until('the dead gateway to be recovered', async () => {
    const { leases } = await client.reconcileCalls({ ...all, dryRun: true })
    return leases.length > 0
  })
  const use = async () => (await held.show()).ledgers[0]?.units[0]
  assert.notEqual((await use())?.unknown, '0')
  const settled = await client.reconcileCalls(all)
  assert(settled.leases.length > 0)
  assert.deepEqual([(await use())?.unknown, (await use())?.settled], ['0', '20'])
})

test('budgets are set, changed and removed on the command line', async () => {
  const set = ['budget', 'set', 'team-payments']
  const team = ['--team', 'payments@example.com', '--window', 'calendar:month:Europe/Berlin']
  const made = await airworthy(...set, '--scope', 'team', ...team, '--money', '1000')
  assert.equal(made.exitCode, 0, made.stderr)
  const more = ['--input-tokens', '5000000', '--alerts', '90', '--on-hit', 'redirect']
  assert.equal((await airworthy(...set, ...more)).exitCode, 0)
  const { budgets } = await client.listBudgets()
  assert.equal(budgets.length, 1)
  const {
    id: _id,
    createdAt: _at,
    createdBy: _by,
    changedAt: _on,
    changedBy: _to,
    ...now
  } = await client.getBudget('team-payments')
  assert.deepEqual(now, {
    name: 'team-payments',
    scope: 'team',
    subject: 'payments@example.com',
    subjectName: 'payments@example.com',
    window: { kind: 'calendar', unit: 'month', zone: 'Europe/Berlin' },
    limits: { inputTokens: 5_000_000, moneyUsd: '1000' },
    onHit: 'redirect',
    includeToolMoney: false,
    alerts: [90],
    ledgers: [],
  })
  const lifted = await airworthy(
    ...set,
    '--input-tokens',
    'none',
    '--window',
    'rolling:7d',
    '--json',
  )
  const changed: unknown = JSON.parse(lifted.stdout)
  assert.deepEqual(at(changed, 'budget.limits'), { moneyUsd: '1000' })
  assert.deepEqual(at(changed, 'budget.window'), { kind: 'rolling', seconds: 604_800 })
  for (const wrong of [
    [...set, '--money', 'none'],
    [...set, '--money', '1,5'],
    [...set, '--window', 'monthly'],
    [...set, '--scope', 'team', '--agent', 'payer'],
    [...set, '--alerts', '80,50'],
    ['budget', 'set', 'new', '--calls', '1'],
    ['budget', 'remove', 'team-payments'],
    ['call', 'reconcile', '--as', 'zero', '--reason', 'r'],
    ['call', 'reconcile', '--older-than', '1y', '--as', 'zero', '--reason', 'r'],
  ]) {
    const { exitCode, stderr } = await airworthy(...wrong)
    assert.equal(exitCode, 64, `${wrong.join(' ')}: ${stderr}`)
  }
  assert.equal((await airworthy('budget', 'remove', 'team-payments', '--yes')).exitCode, 0)
  assert.match((await airworthy('budget', 'show', 'team-payments')).stderr, /budget\.unknown/)
})
