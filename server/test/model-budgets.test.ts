// Model calls under the lock: cut to what is left, told when over, partly billed, reconciled.
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { after, test } from 'node:test'
import { commitReason } from '../src/core/audit/reason.ts'
import { noAmounts, oneCall } from '../src/core/budget/budget.ts'
import { listUnknownCalls, reconcileCalls } from '../src/store/calls/reconcile-calls.ts'
import { listLostLeases, settleLostLeases } from '../src/store/budgets/lost-leases.ts'
import { recoverDeadReplicas } from '../src/store/recovery.ts'
import {
  checkNumbering,
  modelIntent,
  operatorId,
  outcomeOf,
  standBudgetGround,
  tokens,
  useOf,
} from './budget-ground.ts'

const ground = await standBudgetGround()
const recorder = await ground.start()
after(() => ground[Symbol.asyncDispose]())

let named = 0
/** A user of its own, with a budget of so many tokens. */
async function userWith(limit: bigint) {
  named += 1
  const endUser = `user-${named}`
  const policy = await ground.setBudget({
    name: endUser,
    scope: 'user',
    subject: endUser,
    limits: { tokens: limit },
    onHit: 'redirect',
  })
  const principal = await ground.openSession({ endUser })
  return { policy, principal, endUser }
}

/** Asks for 100 tokens in and up to 400 out. */
const shrink = {
  completionTokensMin: 50n,
  completionTokensMax: 400n,
  reserve: (completion: bigint) => tokens(100n, completion),
}
const asked = { reservation: tokens(100n, 400n), shrink }

test('a completion is cut to what is left of the budget, and the call says to how much', async () => {
  const { policy, principal } = await userWith(300n)
  const intent = await modelIntent(ground, principal, asked)
  const result = await recorder.propose(intent).durable
  assert(result.kind === 'proceed')
  assert.equal(result.completionTokens, 200n)
  assert.deepEqual(result.reservation, tokens(100n, 200n))
  assert.equal((await useOf(ground, policy.policyId, 'tokens')).reserved, 300)
  const again = await recorder.propose(await modelIntent(ground, principal, asked)).durable
  assert.deepEqual(
    [again.kind, again.kind === 'denied' && again.code],
    ['denied', 'budget.exceeded'],
  )
  await recorder.settle(outcomeOf(intent.callId, { used: tokens(80n, 20n) }))
  const small = await recorder.propose(await modelIntent(ground, principal, asked)).durable
  assert(small.kind === 'proceed')
  assert.equal(small.completionTokens, 100n)
})

test('a call that fits is not cut', async () => {
  const { principal } = await userWith(500n)
  const result = await recorder.propose(await modelIntent(ground, principal, asked)).durable
  assert(result.kind === 'proceed')
  assert.deepEqual([result.completionTokens, result.reservation], [undefined, tokens(100n, 400n)])
})

test('a call that asks is told where no budget has room, and nothing is recorded of it', async () => {
  const { principal, endUser } = await userWith(149n)
  const intent = await modelIntent(ground, principal, { ...asked, asksWhenOver: true })
  const result = await recorder.propose(intent).durable
  assert.deepEqual(result, {
    kind: 'over',
    scope: endUser,
    unit: 'tokens',
    left: 149n,
    onHit: 'redirect',
  })
  const rows = await ground.sql.query('SELECT 1 FROM airworthy.call_intents WHERE call_id = $1', [
    intent.callId,
  ])
  assert.equal(rows.rowCount, 0)
  const smaller = { reservation: tokens(40n, 60n) }
  const again = await recorder.propose({ ...intent, ...smaller, shrink: undefined }).durable
  assert.equal(again.kind, 'proceed')
})

test('one budget that blocks is enough: no other model is tried', async () => {
  const { principal, endUser } = await userWith(10n)
  await ground.setBudget({ name: 'strict', scope: 'user', subject: endUser, limits: { calls: 0n } })
  const intent = await modelIntent(ground, principal, { ...asked, asksWhenOver: true })
  const result = await recorder.propose(intent).durable
  assert.equal(result.kind === 'over' && result.onHit, 'block')
})

test('an observing session is neither cut nor asked: it goes on, and the record says what was over', async () => {
  const { principal, policy } = await userWith(10n)
  const observing = { ...principal, mode: 'observe' } as const
  const intent = await modelIntent(ground, observing, { ...asked, asksWhenOver: true })
  const result = await recorder.propose(intent).durable
  assert(result.kind === 'proceed')
  assert.deepEqual([result.enforced, result.decision.code], [false, 'budget.exceeded'])
  assert.deepEqual(result.reservation, noAmounts)
  assert.equal((await useOf(ground, policy.policyId, 'tokens')).reserved, 0)
})

test('limits on tokens in and out are limits of their own', async () => {
  const principal = await ground.openSession({ endUser: 'in and out' })
  const limits = { input_tokens: 150n, output_tokens: 500n }
  await ground.setBudget({ name: 'inout', scope: 'user', subject: 'in and out', limits })
  const first = await recorder.propose(await modelIntent(ground, principal, asked)).durable
  assert.equal(first.kind, 'proceed')
  const asks = { ...asked, asksWhenOver: true }
  const second = await recorder.propose(await modelIntent(ground, principal, asks)).durable
  assert.deepEqual(second.kind === 'over' && [second.unit, second.left], ['input_tokens', 50n])
})

test('reasons tell of notes and of the call that this one retries', async () => {
  const { principal } = await userWith(10_000n)
  const first = await modelIntent(ground, principal)
  await recorder.propose(first).durable
  const note = { rule: 'route', verdict: 'allow', reason: 'small work' } as const
  const more = { retryOf: first.callId, notes: [note] }
  const result = await recorder.propose(await modelIntent(ground, principal, more)).durable
  assert(result.kind === 'proceed')
  assert.deepEqual(
    result.decision.reasons.map(({ rule }) => rule),
    ['route', 'retry'],
  )
})

/** A call of 100 + 400 tokens that was cut off after 100 + 30. */
async function cutOff(principal: Parameters<typeof modelIntent>[1]): Promise<string> {
  const intent = await modelIntent(ground, principal, { reservation: tokens(100n, 400n) })
  await recorder.propose(intent).durable
  const usedAtLeast = tokens(100n, 30n)
  await recorder.settle(
    outcomeOf(intent.callId, { state: 'unknown', used: undefined, usedAtLeast, endpoint: 'eu' }),
  )
  return intent.callId
}

test('what a cut stream used for certain is settled now, and the rest stays held', async () => {
  const { policy, principal } = await userWith(10_000n)
  const callId = await cutOff(principal)
  const use = await useOf(ground, policy.policyId, 'tokens')
  assert.deepEqual(use, { settled: 130, reserved: 0, unknown: 370, overrun: 0 })
  const row = await ground.sql.query('SELECT detail FROM airworthy.calls WHERE call_id = $1', [
    callId,
  ])
  assert.deepEqual(row.rows[0]?.detail, {
    endpoint: 'eu',
    atLeast: ['1', '130', '220', '100', '30'],
  })
})

const before = () => new Date(Date.now() + 60_000)
const how = { operatorId, reason: 'the provider’s invoice' }

for (const [as, settled] of [
  ['estimate', 130],
  ['worst', 500],
  ['zero', 130],
  [{ used: tokens(100n, 50n), usage: undefined }, 150],
] as const) {
  const name = typeof as === 'object' ? 'given usage' : as
  test(`an unknown call is reconciled: ${name}`, async () => {
    const { policy, principal } = await userWith(10_000n)
    const callId = await cutOff(principal)
    const { db } = ground
    const { organisationId } = ground.api
    const settle = recorder.settle.bind(recorder)
    const unknown = await listUnknownCalls(db, organisationId, { callId })
    const done = await reconcileCalls(settle, unknown, { as, ...how })
    assert.deepEqual(
      done.map((call) => call.callId),
      [callId],
    )
    const use = await useOf(ground, policy.policyId, 'tokens')
    assert.deepEqual(use, { settled, reserved: 0, unknown: 0, overrun: 0 })
    assert.deepEqual(await reconcileCalls(settle, unknown, { as, ...how }), [])
    assert.deepEqual(await listUnknownCalls(db, organisationId, { callId }), [])
    const found = await ground.sql.query<{
      detail: { reconciled: { operator: string; reason: string; salt: string } }
    }>('SELECT detail FROM airworthy.calls WHERE call_id = $1', [callId])
    // The entry commits to the reason under a salt that lies beside it.
    const reconciled = found.rows[0]?.detail.reconciled
    assert.deepEqual([reconciled?.operator, reconciled?.reason], [operatorId, how.reason])
    const salt = Buffer.from(reconciled?.salt ?? '', 'base64url')
    const entries = await ground.sql.query<{ entry: Buffer }>(
      `SELECT entry FROM airworthy.entries WHERE convert_from(entry, 'UTF8') LIKE $1`,
      [`%${callId}%`],
    )
    const texts = entries.rows.map((row) => row.entry.toString('utf8'))
    assert(texts.some((text) => text.includes(commitReason(salt, how.reason))))
    assert(!texts.some((text) => text.includes(hash('sha256', how.reason, 'base64url'))))
  })
}

test('unknown calls are reconciled in bulk; where nothing is certain the estimate is one call', async () => {
  const { policy, principal } = await userWith(10_000n)
  const held = { reservation: tokens(10n, 20n) }
  const intents = await Promise.all([1, 2, 3].map(() => modelIntent(ground, principal, held)))
  await Promise.all(intents.map((intent) => recorder.propose(intent).durable))
  for (const { callId } of intents) {
    await recorder.settle(outcomeOf(callId, { state: 'unknown', used: undefined }))
  }
  assert.equal((await useOf(ground, policy.policyId, 'tokens')).unknown, 90)
  const { db } = ground
  const { organisationId } = ground.api
  const settle = recorder.settle.bind(recorder)
  const which = { before: before(), limit: 1000 }
  const unknown = await listUnknownCalls(db, organisationId, which)
  const done = await reconcileCalls(settle, unknown, { as: 'estimate', ...how })
  assert.deepEqual(
    done
      .filter((call) => intents.some(({ callId }) => callId === call.callId))
      .map(({ used }) => used),
    [oneCall, oneCall, oneCall],
  )
  const use = await useOf(ground, policy.policyId, 'tokens')
  assert.deepEqual([use.settled, use.unknown], [0, 0])
  assert.equal((await useOf(ground, policy.policyId)).settled, 3)
  await checkNumbering(ground)
})

test('what a dead gateway had open is unknown in every ledger, its lease as well, until it is settled', async () => {
  await using own = await standBudgetGround()
  const principal = await own.openSession()
  const policy = await own.setBudget({ limits: { calls: 40n } })
  const [dying, other] = [await own.start(), await own.start()]
  const intents = await Promise.all([1, 2, 3].map(() => modelIntent(own, principal)))
  for (const intent of intents) await dying.propose(intent).durable
  await dying[Symbol.asyncDispose]()
  const { db } = own
  const { organisationId } = own.api
  await recoverDeadReplicas(db, organisationId, other.replicaId)
  const unknown = await useOf(own, policy.policyId)
  assert(unknown.unknown > 3, 'the lease is unknown beside the calls')
  assert.deepEqual([unknown.settled, unknown.reserved], [0, 0])
  const settle = other.settle.bind(other)
  const calls = await listUnknownCalls(db, organisationId, { before: before(), limit: 10 })
  const done = await reconcileCalls(settle, calls, { as: 'worst', ...how })
  assert.equal(done.length, 3)
  const lost = await listLostLeases(db, organisationId, { before: before(), limit: 10 })
  assert(lost.length > 0)
  const command = { before: before(), as: 'zero', ...how } as const
  assert.equal(await settleLostLeases(db, organisationId, command), lost.length)
  assert.equal(await settleLostLeases(db, organisationId, command), 0)
  assert.deepEqual(await useOf(own, policy.policyId), {
    settled: 3,
    reserved: 0,
    unknown: 0,
    overrun: 0,
  })
  await checkNumbering(own)
})

test('rows of the release before, with three units, are read, held to and recovered', async () => {
  await using own = await standBudgetGround()
  const principal = await own.openSession({ calls: 3 })
  await own.sql.query(
    `UPDATE airworthy.ledgers SET limits = limits[1:3], settled = '{0,0,0}', reserved = '{0,0,0}',
      leased = '{0,0,0}', unknown = '{0,0,0}', overrun = '{0,0,0}'`,
  )
  const dying = await own.start()
  const [open, done] = [await modelIntent(own, principal), await modelIntent(own, principal)]
  for (const intent of [open, done]) await dying.propose(intent).durable
  await dying.settle(outcomeOf(done.callId))
  await dying[Symbol.asyncDispose]()
  await own.sql.query(
    `UPDATE airworthy.ledgers SET limits = limits[1:3], settled = settled[1:3],
      reserved = reserved[1:3], leased = leased[1:3], unknown = unknown[1:3], overrun = overrun[1:3]`,
  )
  await own.sql.query('UPDATE airworthy.call_intents SET reserved = reserved[1:3]')
  await own.sql.query('UPDATE airworthy.leases SET amounts = amounts[1:3]')
  const next = await own.start()
  const { db } = own
  const { organisationId } = own.api
  await recoverDeadReplicas(db, organisationId, next.replicaId)
  const row = async () => {
    const found = await own.sql.query<{ settled: string[]; unknown: string[]; leased: string[] }>(
      'SELECT settled, unknown, leased FROM airworthy.ledgers WHERE scope_id = $1',
      [principal.sessionId],
    )
    return found.rows[0]
  }
  // The third of three calls was leased, and may have been made.
  assert.deepEqual([(await row())?.settled[0], (await row())?.leased[0]], ['1', '0'])
  const result = await next.propose(await modelIntent(own, principal)).durable
  const unknown = Number((await row())?.unknown[0])
  assert.equal(result.kind, unknown === 2 ? 'denied' : 'proceed')
  assert.deepEqual(
    (await next.settle(outcomeOf(open.callId, { resolvedBy: 'operator' }))).state,
    'done',
  )
  assert.equal((await row())?.settled[0], '2')
})
