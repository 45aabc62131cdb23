// Budgets where figures are absurd, or change while calls are in flight: nothing stays open, and what
// one call does is no other's end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noLimit, oneCall } from '../src/core/budget/budget.ts'
import { listAlerts } from '../src/store/budgets/budget-use.ts'
import {
  callOnce,
  checkNumbering,
  modelIntent,
  outcomeOf,
  standBudgetGround,
  tokens,
  useOf,
} from './budget-ground.ts'

test('a call whose period was replaced settles there, also where it used more than the limit was then', async () => {
  await using ground = await standBudgetGround()
  const recorder = await ground.start()
  const principal = await ground.openSession()
  const day = { kind: 'calendar', unit: 'day', zone: 'UTC' } as const
  const policy = await ground.setBudget({ window: day, limits: { tokens: 100n } })
  const intent = await modelIntent(ground, principal, { reservation: tokens(50n, 50n) })
  await recorder.propose(intent).durable
  await ground.setBudget({ window: { kind: 'whole' }, limits: { tokens: 1000n } })
  await callOnce(ground, recorder, principal)
  await recorder.settle(outcomeOf(intent.callId, { used: tokens(50n, 150n) }))
  const use = await useOf(ground, policy.policyId, 'tokens')
  assert.deepEqual([use.reserved, use.settled + use.overrun], [0, 300])
  await checkNumbering(ground)
})

test('the same where the limit was lifted', async () => {
  await using ground = await standBudgetGround()
  const recorder = await ground.start()
  const principal = await ground.openSession()
  const day = { kind: 'calendar', unit: 'day', zone: 'UTC' } as const
  await ground.setBudget({ window: day, limits: { tokens: 100n } })
  const intent = await modelIntent(ground, principal, { reservation: tokens(50n, 50n) })
  await recorder.propose(intent).durable
  await ground.setBudget({ window: { kind: 'whole' }, limits: { calls: 1000n } })
  await callOnce(ground, recorder, principal)
  await recorder.settle(outcomeOf(intent.callId, { used: tokens(50n, 150n) }))
})

test('a provider that reports absurd usage gets it on record, and nothing stays open', async () => {
  await using ground = await standBudgetGround()
  const recorder = await ground.start()
  const principal = await ground.openSession()
  const policy = await ground.setBudget({
    limits: { calls: 50n, tokens: 1000n },
    alerts: [50, 100],
    window: { kind: 'rolling', seconds: 3600 },
  })
  const absurd = { ...oneCall, tokens: noLimit, outputTokens: noLimit, nanoUsd: noLimit }
  for (let at = 0; at < 3; at += 1) {
    const intent = await modelIntent(ground, principal)
    assert.equal((await recorder.propose(intent).durable).kind, 'proceed')
    await recorder.settle(outcomeOf(intent.callId, { used: absurd }))
  }
  assert.equal((await useOf(ground, policy.policyId)).reserved, 0)
  assert.equal(recorder.openCallCount, 0)
  const { session } = await ground.api.client.getSession(principal.sessionId)
  assert.equal(session.facts.tokens, Number.MAX_SAFE_INTEGER)
  const { db, api } = ground
  const alerts = await listAlerts(db, api.organisationId, { limit: 10 })
  assert.equal(alerts[0]?.used, String(noLimit))
  await ground.setBudget({ window: { kind: 'whole' }, limits: { calls: 50n, tokens: 1000n } })
  await callOnce(ground, recorder, principal)
  await checkNumbering(ground)
})

test('thresholds are told once, also over a restart and by two gateways', async () => {
  await using ground = await standBudgetGround()
  const first = await ground.start()
  const principal = await ground.openSession()
  await ground.setBudget({ limits: { calls: 10n }, alerts: [50, 80, 100] })
  for (let at = 0; at < 6; at += 1) await callOnce(ground, first, principal)
  await first[Symbol.asyncDispose]()
  const second = await ground.start()
  const third = await ground.start()
  for (let at = 0; at < 6; at += 1) {
    await callOnce(ground, at % 2 === 0 ? second : third, principal)
  }
  const alerts = await listAlerts(ground.db, ground.api.organisationId, { limit: 100 })
  assert.deepEqual(alerts.map(({ threshold }) => threshold).toReversed(), [50, 80, 100])
})

test('a window that is changed often gives no room', async () => {
  await using ground = await standBudgetGround()
  const recorder = await ground.start()
  const principal = await ground.openSession()
  const limits = { calls: 3n }
  await ground.setBudget({ limits })
  for (let at = 0; at < 3; at += 1) await callOnce(ground, recorder, principal)
  for (let at = 0; at < 12; at += 1) {
    const seconds = 3600
    await ground.setBudget({
      limits,
      window: at % 2 === 0 ? { kind: 'rolling', seconds } : { kind: 'whole' },
    })
  }
  assert.equal((await callOnce(ground, recorder, principal)).kind, 'denied')
})

test('an unknown call that two operators settle at once is settled once', async () => {
  await using ground = await standBudgetGround()
  const recorders = [await ground.start(), await ground.start()] as const
  const principal = await ground.openSession()
  const policy = await ground.setBudget({ limits: { tokens: 1000n } })
  const reservation = tokens(50n, 50n)
  const intents = await Promise.all(
    Array.from({ length: 4 }, () => modelIntent(ground, principal, { reservation })),
  )
  for (const { callId } of await Promise.all(
    intents.map(async (intent) => {
      assert.equal((await recorders[0].propose(intent).durable).kind, 'proceed')
      return intent
    }),
  )) {
    await recorders[0].settle(outcomeOf(callId, { state: 'unknown', used: undefined }))
  }
  const settled = await Promise.allSettled(
    intents.flatMap(({ callId }) =>
      recorders.flatMap((recorder) => {
        const outcome = outcomeOf(callId, { used: tokens(20n, 5n), resolvedBy: 'operator' })
        return [recorder.settle(outcome), recorder.settle(outcome)]
      }),
    ),
  )
  assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 4)
  assert.deepEqual(await useOf(ground, policy.policyId, 'tokens'), {
    settled: 100,
    reserved: 0,
    unknown: 0,
    overrun: 0,
  })
  await checkNumbering(ground)
})
