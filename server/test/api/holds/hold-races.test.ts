// What time, runs and failures do to holds, on the real tables: none keeps another from its turn.
import assert from 'node:assert/strict'
import { randomUUIDv7 } from 'node:crypto'
import { after, before, test } from 'node:test'
import { sql } from 'kysely'
import { stepHolds } from '../../../src/store/holds/hold-steps.ts'
import { listApprovingHolds } from '../../../src/store/holds/hold-votes.ts'
import { deferApproved } from '../../../src/store/holds/run-holds.ts'
import { type ApiServer, startApi } from '../api-server.ts'
import { insertHeldCall } from '../gateway-rows.ts'

let api: ApiServer
before(async () => {
  api = await startApi()
})
after(() => api[Symbol.asyncDispose]())

async function stateOf(holdId: string): Promise<string | undefined> {
  const row = await api.db
    .selectFrom('airworthy.holds')
    .select('state')
    .where('hold_id', '=', holdId)
    .executeTakeFirst()
  return row?.state
}

test('a hold that cannot be read keeps no other from its end', async () => {
  const { db, organisationId } = api
  const [broken, fine] = [await insertHeldCall(api), await insertHeldCall(api)]
  await sql`UPDATE airworthy.holds SET policy = '{"levels": "of another release"}',
    expires_at = clock_timestamp() - interval '2 seconds' WHERE hold_id = ${broken.holdId}`.execute(
    db,
  )
  await sql`UPDATE airworthy.holds SET expires_at = clock_timestamp() - interval '1 second'
    WHERE hold_id = ${fine.holdId}`.execute(db)
  await assert.rejects(stepHolds(db, organisationId, 100), 'it is told')
  assert.equal(await stateOf(fine.holdId), 'expired')
  assert.equal(await stateOf(broken.holdId), 'pending')
})

test('two gateways that step at once end each hold once', async () => {
  const { db, organisationId } = api
  await sql`UPDATE airworthy.holds SET state = 'rejected' WHERE state = 'pending'`.execute(db)
  const { holdId, callId } = await insertHeldCall(api)
  await sql`UPDATE airworthy.holds SET expires_at = clock_timestamp() - interval '1 second'
    WHERE hold_id = ${holdId}`.execute(db)
  await Promise.all([1, 2, 3].map(() => stepHolds(db, organisationId, 100)))
  const ended = await sql<{ count: string }>`SELECT count(*) FROM airworthy.call_outcomes
    WHERE call_id = ${callId}`.execute(db)
  assert.equal(ended.rows[0]?.count, '1')
})

test('approved holds are gone through by turns, however many cannot go on', async () => {
  const { db, organisationId } = api
  const ids: string[] = []
  for (let each = 0; each < 3; each += 1) {
    const { holdId } = await insertHeldCall(api, { holdState: 'approving' })
    ids.push(holdId)
  }
  await sql`UPDATE airworthy.holds SET decided_at = clock_timestamp() - interval '1 minute'
    WHERE state = 'approving'`.execute(db)
  const first = await listApprovingHolds(db, organisationId, { after: undefined, limit: 2 })
  const next = await listApprovingHolds(db, organisationId, { after: first.at(-1), limit: 2 })
  assert.deepEqual([...first, ...next], ids.toSorted())
})

test('a question that was opened again is not put off for its run', async () => {
  const { db, organisationId } = api
  const { holdId, callId, effectId, sessionId } = await insertHeldCall(api)
  const ids = await db
    .selectFrom('airworthy.call_intents')
    .select(['agent_id', 'version_id', 'pact_id'])
    .where('call_id', '=', callId)
    .executeTakeFirstOrThrow()
  const runId = randomUUIDv7()
  await db
    .insertInto('airworthy.runs')
    .values({
      ...ids,
      organisation_id: organisationId,
      run_id: runId,
      session_id: sessionId,
      name: 'trip',
      state: 'open',
      on_failure: 'keep',
      on_denied: 'keep',
      irreversible_last: true,
      opened_at: new Date(),
    })
    .execute()
  await sql`INSERT INTO airworthy.run_steps (organisation_id, run_id, effect_id, call_id)
    VALUES (${organisationId}, ${runId}, ${effectId}, ${callId})`.execute(db)
  assert.equal(await deferApproved(db, organisationId, { holdId, callId, effectId }), false)
  assert.equal(await stateOf(holdId), 'pending')
  await sql`UPDATE airworthy.holds SET state = 'approving' WHERE hold_id = ${holdId}`.execute(db)
  assert.equal(await deferApproved(db, organisationId, { holdId, callId, effectId }), true)
  assert.equal(await stateOf(holdId), 'deferred')
})
