// The budgets of an organisation on a real PostgreSQL: scopes, windows, replicas, changes, alerts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { noAmounts } from '../src/core/budget/budget.ts'
import { type PolicyScope, policyScopes } from '../src/core/budget/policy.ts'
import { removeBudgetPolicy, setBudgetPolicy } from '../src/store/budgets/budget-policies.ts'
import { listAlerts, listBudgetPolicies } from '../src/store/budgets/budget-use.ts'
import { forgetLedgers } from '../src/store/budgets/forget-ledgers.ts'
import type { Recorder } from '../src/store/recorder/recorder.ts'
import type { Principal } from '../src/store/recorder/types.ts'
import {
  type BudgetGround,
  callOnce,
  checkNumbering,
  modelIntent,
  operatorId,
  outcomeOf,
  standBudgetGround,
  useOf,
} from './budget-ground.ts'

async function callsUntilRefused(
  ground: BudgetGround,
  recorder: Recorder,
  principal: Principal,
): Promise<number> {
  for (let made = 0; made < 100; made += 1) {
    const result = await callOnce(ground, recorder, principal)
    if (result.kind === 'denied') {
      assert.equal(result.code, 'budget.exceeded')
      return made
    }
  }
  throw new Error('no call was refused')
}

test('every scope limits: all of them are asked, and a refused call is counted in none', async () => {
  await using ground = await standBudgetGround()
  const recorder = await ground.start()
  const alice = await ground.openSession({ endUser: 'alice' })
  const bob = await ground.openSession({ endUser: 'bob' })
  const ids = new Map<PolicyScope, string>()
  for (const [at, scope] of policyScopes.entries()) {
    const limits = { calls: BigInt(20 - at) }
    ids.set(scope, (await ground.setBudget({ name: scope, scope, limits })).policyId)
  }
  // The session's own budget of the organisation is the tightest: 15.
  assert.equal(await callsUntilRefused(ground, recorder, alice), 15)
  for (const id of ids.values()) assert.equal((await useOf(ground, id)).settled, 15)
  // Of another user and session only what they share is left: the version's 17 less 15.
  assert.equal(await callsUntilRefused(ground, recorder, bob), 2)
  const other = await ground.openSession({ endUser: 'alice' })
  assert.equal(await callsUntilRefused(ground, recorder, other), 0)
  const { db } = ground
  const { organisationId } = ground.api
  const listed = await listBudgetPolicies(db, organisationId, { ledgersMax: 10 })
  const subjects = new Map(
    listed.map(({ policy, ledgers }) => [policy.scope, ledgers.map((ledger) => ledger.subject)]),
  )
  assert.deepEqual(subjects.get('agent'), ['desk'])
  assert.deepEqual(subjects.get('version'), ['desk v1'])
  assert.deepEqual(subjects.get('organisation'), [''])
  assert.deepEqual(subjects.get('user'), ['alice', 'bob'])
  await checkNumbering(ground)
})

test('two gateways that share budgets never pass them, and all of them is usable', async () => {
  await using ground = await standBudgetGround()
  const recorders = [await ground.start(), await ground.start()]
  const sessions = await Promise.all(
    ['a', 'b', 'c'].map((endUser) => ground.openSession({ endUser })),
  )
  const all = await ground.setBudget({ limits: { calls: 60n } })
  const users = await ground.setBudget({
    name: 'users',
    scope: 'user',
    window: { kind: 'rolling', seconds: 3600 },
    limits: { calls: 25n },
  })
  let running = 0
  let allowed = 0
  let most = 0
  const fly = async (at: number): Promise<void> => {
    const recorder = recorders[at % 2]
    const principal = sessions[at % 3]
    if (recorder === undefined || principal === undefined) return
    const result = await recorder.propose(await modelIntent(ground, principal)).durable
    if (result.kind !== 'proceed') return
    running += 1
    most = Math.max(most, running + allowed)
    // Every fifth fails before it used anything, and makes room again.
    const isUsed = at % 5 !== 0
    const more = isUsed ? {} : ({ state: 'failed', used: noAmounts } as const)
    await recorder.settle(outcomeOf(result.callId, more))
    running -= 1
    if (isUsed) allowed += 1
  }
  const isDone = () => allowed >= 60
  for (let round = 0; round < 4; round += 1) {
    await Promise.all(Array.from({ length: 40 }, (_, at) => fly(round * 40 + at)))
  }
  assert(most <= 60)
  for (let at = 1; at < 400; at += 5) if (!isDone()) await fly(at)
  assert.equal(allowed, 60)
  const total = await useOf(ground, all.policyId)
  assert.deepEqual(total, { settled: 60, reserved: 0, unknown: 0, overrun: 0 })
  assert.equal((await useOf(ground, users.policyId)).settled, 60)
  const perUser = await ground.sql.query<{ calls: string }>(
    'SELECT settled[1] AS calls FROM airworthy.ledgers WHERE policy_id = $1',
    [users.policyId],
  )
  for (const { calls } of perUser.rows) assert(Number(calls) <= 25)
  await checkNumbering(ground)
})

test('a calendar’s period ends by the clocks of its zone, and a call settles where it was reserved', async () => {
  await using ground = await standBudgetGround()
  await ground.setClock('2026-10-24T21:30:00Z')
  const recorder = await ground.start()
  const principal = await ground.openSession()
  const zone = 'Europe/Paris'
  const window = { kind: 'calendar', unit: 'day', zone } as const
  const policy = await ground.setBudget({ window, limits: { calls: 3n } })
  assert.equal(await callsUntilRefused(ground, recorder, principal), 3)
  // Midnight in Paris, on the day that has 25 hours.
  await ground.setClock('2026-10-24T22:00:01Z')
  await callOnce(ground, recorder, await ground.openSession())
  const open = await modelIntent(ground, principal)
  assert.equal((await recorder.propose(open).durable).kind, 'proceed')
  await ground.setClock('2026-10-25T22:30:00Z')
  await ground.openSession()
  assert.equal(await callsUntilRefused(ground, recorder, principal), 1)
  await ground.setClock('2026-10-25T23:00:01Z')
  await ground.openSession()
  // Restarted, and in another period: the call is settled in the one that it was made in.
  await recorder[Symbol.asyncDispose]()
  const next = await ground.start()
  await next.settle(outcomeOf(open.callId))
  assert.equal(await callsUntilRefused(ground, next, principal), 3)
  const found = await ground.sql.query<{ start: Date; settled: string[]; reserved: string[] }>(
    `SELECT window_start AS start, settled, reserved FROM airworthy.ledgers WHERE policy_id = $1
    ORDER BY window_start`,
    [policy.policyId],
  )
  assert.deepEqual(
    found.rows.map(({ start, settled, reserved }) => [
      start.toISOString(),
      settled[0],
      reserved[0],
    ]),
    [
      ['2026-10-23T22:00:00.000Z', '3', '0'],
      ['2026-10-24T22:00:00.000Z', '3', '0'],
      ['2026-10-25T23:00:00.000Z', '3', '0'],
    ],
  )
  await checkNumbering(ground)
})

test('a call whose period has ended settles there, when its session has long gone on to the next', async () => {
  await using ground = await standBudgetGround()
  await ground.setClock('2026-05-06T10:30:00Z')
  const recorder = await ground.start()
  const principal = await ground.openSession()
  const window = { kind: 'calendar', unit: 'hour', zone: 'UTC' } as const
  const policy = await ground.setBudget({ window, limits: { calls: 100n } })
  const open = await modelIntent(ground, principal)
  await recorder.propose(open).durable
  await ground.setClock('2026-05-06T11:30:00Z')
  await ground.openSession()
  // So many that batches are sent ahead again, with nothing read.
  for (let at = 0; at < 40; at += 1) await callOnce(ground, recorder, principal)
  await recorder.settle(outcomeOf(open.callId))
  const found = await ground.sql.query<{ settled: string[]; reserved: string[] }>(
    `SELECT settled, reserved FROM airworthy.ledgers WHERE policy_id = $1 ORDER BY window_start`,
    [policy.policyId],
  )
  assert.deepEqual(
    found.rows.map(({ settled, reserved }) => [settled[0], reserved[0]]),
    [
      ['1', '0'],
      ['40', '0'],
    ],
  )
})

test('in a rolling window what was used leaves, and what is held does not', async () => {
  await using ground = await standBudgetGround()
  await ground.setClock('2026-01-01T00:00:00Z')
  const recorder = await ground.start()
  const principal = await ground.openSession()
  const window = { kind: 'rolling', seconds: 600 } as const
  const policy = await ground.setBudget({ window, limits: { calls: 4n } })
  const held = await modelIntent(ground, principal)
  await recorder.propose(held).durable
  await callOnce(ground, recorder, principal)
  await ground.setClock('2026-01-01T00:05:00Z')
  await ground.openSession()
  assert.equal(await callsUntilRefused(ground, recorder, principal), 2)
  await ground.setClock('2026-01-01T00:09:50Z')
  await ground.openSession()
  assert.equal(await callsUntilRefused(ground, recorder, principal), 0)
  // The first has left; two of the fifth minute are still within ten minutes, one is held.
  await ground.setClock('2026-01-01T00:10:20Z')
  await ground.openSession()
  assert.equal(await callsUntilRefused(ground, recorder, principal), 1)
  await ground.setClock('2026-01-01T00:30:00Z')
  await ground.openSession()
  assert.equal(await callsUntilRefused(ground, recorder, principal), 3)
  assert.equal((await useOf(ground, policy.policyId)).reserved, 1)
})

test('a limit may be set below what is used: nothing more fits, and what is released gives no room', async () => {
  await using ground = await standBudgetGround()
  const recorder = await ground.start()
  const principal = await ground.openSession()
  const policy = await ground.setBudget({ limits: { calls: 10n } })
  const intents = await Promise.all(Array.from({ length: 8 }, () => modelIntent(ground, principal)))
  for (const intent of intents) await recorder.propose(intent).durable
  await ground.setBudget({ limits: { calls: 4n } })
  assert.equal(await callsUntilRefused(ground, recorder, principal), 0)
  for (const [at, { callId }] of intents.entries()) {
    const more = at < 5 ? ({ state: 'failed', used: noAmounts } as const) : {}
    await recorder.settle(outcomeOf(callId, more))
  }
  assert.equal((await useOf(ground, policy.policyId)).settled, 3)
  assert.equal(await callsUntilRefused(ground, recorder, principal), 1)
  await ground.setBudget({ limits: { calls: 9n } })
  assert.equal(await callsUntilRefused(ground, recorder, principal), 5)
})

test('a budget that is set or removed while calls are in flight counts those that come after', async () => {
  await using ground = await standBudgetGround()
  const recorder = await ground.start()
  const principal = await ground.openSession()
  const early = await modelIntent(ground, principal)
  await recorder.propose(early).durable
  const policy = await ground.setBudget({ limits: { calls: 2n } })
  await recorder.settle(outcomeOf(early.callId))
  assert.equal((await useOf(ground, policy.policyId)).settled, 0)
  const late = await modelIntent(ground, principal)
  await recorder.propose(late).durable
  assert.equal((await useOf(ground, policy.policyId)).reserved, 1)
  const { db } = ground
  const { organisationId } = ground.api
  assert.equal(await removeBudgetPolicy(db, organisationId, { name: 'all', operatorId }), true)
  assert.equal(await removeBudgetPolicy(db, organisationId, { name: 'all', operatorId }), false)
  for (let at = 0; at < 5; at += 1) {
    assert.equal((await callOnce(ground, recorder, principal)).kind, 'proceed')
  }
  await recorder.settle(outcomeOf(late.callId))
  assert.deepEqual(await useOf(ground, policy.policyId), {
    settled: 1,
    reserved: 0,
    unknown: 0,
    overrun: 0,
  })
})

test('a window that is changed takes over what the period before had used, there and back', async () => {
  await using ground = await standBudgetGround()
  await ground.setClock('2026-05-06T10:00:00Z')
  const recorder = await ground.start()
  const principal = await ground.openSession()
  const limits = { calls: 10n }
  const day = { kind: 'calendar', unit: 'day', zone: 'UTC' } as const
  await ground.setBudget({ window: day, limits })
  for (let at = 0; at < 4; at += 1) await callOnce(ground, recorder, principal)
  await ground.setBudget({
    window: { kind: 'calendar', unit: 'month', zone: 'Asia/Tokyo' },
    limits,
  })
  for (let at = 0; at < 2; at += 1) await callOnce(ground, recorder, principal)
  await ground.setBudget({ window: { kind: 'rolling', seconds: 86_400 }, limits })
  await callOnce(ground, recorder, principal)
  // Nobody called in this one.
  await ground.setBudget({ window: { kind: 'whole' }, limits })
  await ground.setBudget({ window: day, limits })
  assert.equal(await callsUntilRefused(ground, recorder, principal), 3)
  await ground.setClock('2026-05-07T10:00:00Z')
  await ground.openSession()
  assert.equal(await callsUntilRefused(ground, recorder, principal), 10)
})

test('no change of its window makes a budget forget what a window of this year has counted', async () => {
  await using ground = await standBudgetGround()
  await ground.setClock('2026-05-06T10:00:00Z')
  const whole = { kind: 'whole' } as const
  const limits = { calls: 10n }
  for (let at = 0; at <= 32; at += 1) {
    const day = { kind: 'calendar', unit: 'day', zone: 'UTC' } as const
    await ground.setBudget({ window: at % 2 === 0 ? day : whole, limits })
  }
  const again = { window: whole, limits }
  await assert.rejects(ground.setBudget(again), { code: 'budget.too_many' })
  await ground.setClock('2027-06-06T10:00:00Z')
  await ground.setBudget(again)
})

test('each threshold is told once for each ledger, by whichever gateway passes it', async () => {
  await using ground = await standBudgetGround()
  const recorders = [await ground.start(), await ground.start()]
  const sessions = [
    await ground.openSession({ endUser: 'a' }),
    await ground.openSession({ endUser: 'b' }),
  ]
  await ground.setBudget({
    scope: 'user',
    limits: { calls: 10n },
    alerts: [50, 80, 100],
    window: { kind: 'rolling', seconds: 3600 },
  })
  await Promise.all(
    Array.from({ length: 40 }, async (_, at) => {
      const [recorder, principal] = [recorders[at % 2], sessions[at % 4 < 2 ? 0 : 1]]
      assert(recorder !== undefined && principal !== undefined)
      return callOnce(ground, recorder, principal)
    }),
  )
  const { db } = ground
  const { organisationId } = ground.api
  const alerts = await listAlerts(db, organisationId, { limit: 100 })
  const told = alerts.map(({ ledgerId, threshold }) => `${ledgerId} ${threshold}`)
  assert.equal(new Set(told).size, told.length)
  assert.deepEqual(
    alerts.map(({ threshold }) => threshold).toSorted((one, other) => one - other),
    [50, 50, 80, 80, 100, 100],
  )
  const found = await ground.sql.query<{ n: string }>(
    `SELECT count(*) AS n FROM airworthy.entries
    WHERE convert_from(entry, 'UTF8')::jsonb ->> 'type' = 'budget.alert'`,
  )
  assert.equal(found.rows[0]?.n, '6')
  const [newest] = alerts
  assert(newest !== undefined)
  const rest = await listAlerts(db, organisationId, { limit: 100, before: newest })
  assert.deepEqual(rest, alerts.slice(1))
  await checkNumbering(ground)
})

test('ledgers and entries do not say whose they are; an erased user is not named by any budget', async () => {
  await using ground = await standBudgetGround()
  const recorder = await ground.start()
  const principal = await ground.openSession({ endUser: 'carol@example.org' })
  const subject = 'carol@example.org'
  await ground.setBudget({ name: 'one', scope: 'user', subject, alerts: [50] })
  await ground.setBudget({ name: 'each', scope: 'user', alerts: [50] })
  for (let at = 0; at < 6; at += 1) await callOnce(ground, recorder, principal)
  const ledgers = await ground.sql.query('SELECT * FROM airworthy.ledgers')
  assert(!JSON.stringify(ledgers.rows).includes('carol'))
  const entries = await ground.sql.query<{ text: string }>(
    "SELECT convert_from(entry, 'UTF8') AS text FROM airworthy.entries",
  )
  assert(entries.rows.some(({ text }) => text.includes('budget.alert')))
  assert(!entries.rows.some(({ text }) => text.includes('carol')))
  await ground.api.client.requestErasure({ subject, reason: 'asked for it', closeSessions: true })
  const { db } = ground
  const { organisationId } = ground.api
  const listed = await listBudgetPolicies(db, organisationId, { ledgersMax: 10 })
  const [ofEach, ofOne] = listed
  assert.match(ofEach?.ledgers[0]?.subject ?? '', /^erased:/)
  assert.match(ofOne?.policy.subject ?? '', /^erased:/)
})

test('ledgers whose window is over are forgotten once nothing is open in them', async () => {
  await using ground = await standBudgetGround()
  await ground.setClock('2026-05-06T10:30:00Z')
  const recorder = await ground.start()
  const principal = await ground.openSession()
  const window = { kind: 'calendar', unit: 'hour', zone: 'UTC' } as const
  const policy = await ground.setBudget({ window, scope: 'session', limits: { calls: 5n } })
  const open = await modelIntent(ground, principal)
  await recorder.propose(open).durable
  await callOnce(ground, recorder, await ground.openSession())
  const { db } = ground
  const { organisationId } = ground.api
  const kept = { keptMs: 3_600_000, limit: 100 }
  assert.equal(await forgetLedgers(db, organisationId, kept), 0)
  await ground.setClock('2026-05-06T12:30:00Z')
  assert.equal(await forgetLedgers(db, organisationId, kept), 1, 'one is still open')
  await recorder.settle(outcomeOf(open.callId))
  assert.equal(await forgetLedgers(db, organisationId, kept), 1)
  assert.equal((await useOf(ground, policy.policyId)).settled, 0)
  assert.equal((await callOnce(ground, recorder, principal)).kind, 'proceed')
  await removeBudgetPolicy(db, organisationId, { name: 'all', operatorId })
  await ground.setClock('2026-05-06T15:30:00Z')
  await forgetLedgers(db, organisationId, kept)
  const left = await ground.sql.query('SELECT 1 FROM airworthy.budget_policies')
  assert.equal(left.rowCount, 0)
  await checkNumbering(ground)
})

test('whom a budget is for is fixed, and there are at most a hundred', async () => {
  await using ground = await standBudgetGround()
  const { db } = ground
  const { organisationId } = ground.api
  const setting = {
    name: 'b0',
    scope: 'agent',
    subject: undefined,
    window: { kind: 'whole' },
    limits: { calls: 1n },
    onHit: 'block',
    alerts: [],
    operatorId,
  } as const
  for (let at = 0; at < 100; at += 1) {
    await setBudgetPolicy(db, organisationId, { ...setting, name: `b${at}` })
  }
  const other = { ...setting, scope: 'team' } as const
  assert.equal((await setBudgetPolicy(db, organisationId, other)).kind, 'scope_fixed')
  const more = { ...setting, name: 'more' }
  assert.equal((await setBudgetPolicy(db, organisationId, more)).kind, 'too_many')
})

test('all ledgers of a call move together, whatever becomes of it', async () => {
  await using ground = await standBudgetGround()
  const recorders = [await ground.start(), await ground.start()]
  const principal = await ground.openSession({ calls: 900 })
  const scopes = ['organisation', 'team', 'agent', 'user'] as const
  const ids: string[] = []
  for (const [at, scope] of scopes.entries()) {
    const window =
      at % 2 === 0 ? ({ kind: 'whole' } as const) : ({ kind: 'rolling', seconds: 86_400 } as const)
    ids.push(
      (await ground.setBudget({ name: scope, scope, window, limits: { calls: 900n } })).policyId,
    )
  }
  const end = fc.constantFrom('done', 'failed', 'unknown', 'open')
  const flight = fc.record({ end, by: fc.nat(1), settledBy: fc.nat(1) })
  await fc.assert(
    fc.asyncProperty(fc.array(flight, { minLength: 1, maxLength: 12 }), async (flights) => {
      await Promise.all(
        flights.map(async ({ end: state, by, settledBy }) => {
          const intent = await modelIntent(ground, principal)
          const result = await recorders[by]?.propose(intent).durable
          if (result?.kind !== 'proceed' || state === 'open') return
          const used = state === 'unknown' ? { used: undefined } : {}
          await recorders[settledBy]?.settle(outcomeOf(intent.callId, { state, ...used }))
        }),
      )
      const uses = await Promise.all(ids.map((id) => useOf(ground, id)))
      for (const use of uses) assert.deepEqual(use, uses[0])
    }),
    { numRuns: 12 },
  )
})
