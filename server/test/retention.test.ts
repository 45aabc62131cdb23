// Payloads that are past their time: deleted after an entry that says so, but for what is held.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import { firstCallIdAt, timeOfCallId } from '../src/core/audit/call-time.ts'
import { openDatabase } from '../src/store/database.ts'
import { findLog, readEntries } from '../src/store/log/entries.ts'
import { placeLegalHold, releaseLegalHold } from '../src/store/audit/legal-holds.ts'
import { bootstrapOrganisation } from '../src/store/organisations.ts'
import { continuePayloadRetention, setRetention } from '../src/store/audit/retention.ts'
import { runCommand } from '../src/store/transaction.ts'
import { createTestDatabase } from './database.ts'

const database = await createTestDatabase()
const opened = openDatabase({ url: database.url, poolMax: 4 })
const { db } = opened
after(async () => {
  await opened.close()
  await database[Symbol.asyncDispose]()
})
const { organisationId } = await bootstrapOrganisation(db)
const operatorId = randomUUID()
const dayMs = 86_400_000
const nowMs = Date.UTC(2026, 10, 22)
const held = Buffer.alloc(32, 1)
const free = Buffer.alloc(32, 2)

/** One payload of each day before now, for so many days. */
async function fill(days: number, subject: Buffer): Promise<void> {
  const rows = Array.from({ length: days }, (_, day) => ({
    organisation_id: organisationId,
    call_id: firstCallIdAt(nowMs - day * dayMs - dayMs / 2).slice(0, 24) + randomUUID().slice(24),
    part: 1,
    subject_id: subject,
    sealed: Buffer.from('sealed'),
  }))
  await db.insertInto('airworthy.payloads').values(rows).execute()
}

async function keep(now: number): Promise<void> {
  while (await continuePayloadRetention(db, organisationId, now)) continue
}

async function left(subject: Buffer): Promise<number[]> {
  const rows = await db
    .selectFrom('airworthy.payloads')
    .select('call_id')
    .where('subject_id', '=', subject)
    .orderBy('call_id', 'desc')
    .execute()
  return rows.map((row) => Math.floor((nowMs - timeOfCallId(row.call_id)) / dayMs))
}

async function typesOfLog(): Promise<string[]> {
  const log = await findLog(db, organisationId)
  const page = { logId: log?.logId ?? '', from: 0n, limit: 1_000 }
  const rows = await readEntries(db, organisationId, page)
  return rows.map((row) => /"type":"([a-z_.]+)"/.exec(row.entry.toString())?.[1] ?? '')
}

test('payloads are deleted when they are past their time, except for what is held', async () => {
  await fill(40, held)
  await fill(40, free)
  await keep(nowMs)
  assert.equal((await left(free)).length, 40, 'seven years are the default')
  const placed = { agentId: undefined, operatorId, reason: 'a case' }
  const [everything, subject] = await runCommand(db, organisationId, async (tx) => {
    await setRetention(tx, organisationId, { class: 'payloads', days: 30, operatorId })
    return [
      await placeLegalHold(tx, organisationId, {
        ...placed,
        scope: 'everything',
        subjectId: undefined,
      }),
      await placeLegalHold(tx, organisationId, { ...placed, scope: 'subject', subjectId: held }),
    ]
  })
  await keep(nowMs)
  assert.equal((await left(free)).length, 40, 'everything is held')
  const release = (legalHoldId: string) =>
    runCommand(db, organisationId, (tx) =>
      releaseLegalHold(tx, organisationId, { legalHoldId, operatorId }),
    )
  await release(everything ?? '')
  await keep(nowMs)
  assert.deepEqual(
    await left(free),
    Array.from({ length: 30 }, (_, day) => day),
  )
  assert.equal((await left(held)).length, 40)
  const types = await typesOfLog()
  const deletion = types.filter((type) => type.startsWith('retention.delet'))
  assert.deepEqual(deletion, ['retention.deleting', 'retention.deleted'])
  await keep(nowMs)
  assert.deepEqual(await typesOfLog(), types, 'what is held makes no entry at every turn')
  await release(subject ?? '')
  // The database's clock says when the last deletion was; the next one is a day later.
  await keep(Date.now() + 2 * dayMs)
  assert((await left(held)).length < 40)
})
