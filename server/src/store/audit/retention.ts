// For how long records are kept, and the deletion of payloads that are past their time: an entry
// first, then page after page.
import { randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import { firstCallIdAt, timeOfCallId } from '../../core/audit/call-time.ts'
import type { Database } from '../database.ts'
import { activeLegalHolds, type LegalHoldRow } from './legal-holds.ts'
import { appendEntries } from '../log/log.ts'
import { deletePayloadPage } from './payload-pages.ts'
import type { Schema } from '../schema/schema.ts'
import { runCommand } from '../transaction.ts'

export const retentionClasses = ['log', 'payloads'] as const
export type RetentionClass = (typeof retentionClasses)[number]

/** 7 years. */
export const retentionDaysDefault = 2_557
const dayMs = 86_400_000

export type RetentionRow = {
  readonly class: RetentionClass
  readonly days: number
  /** Null: it is the default. */
  readonly setAt: Date | null
}

/** Every class, with the default where nothing was set. */
export async function readRetention(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<RetentionRow[]> {
  const rows = await db
    .selectFrom('airworthy.retention')
    .select(['class', 'days', 'set_at'])
    .where('organisation_id', '=', organisationId)
    .execute()
  return retentionClasses.map((name) => {
    const row = rows.find((each) => each.class === name)
    return { class: name, days: row?.days ?? retentionDaysDefault, setAt: row?.set_at ?? null }
  })
}

/** Sets how long a class is kept. Call it inside a command. */
export async function setRetention(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  change: { readonly class: RetentionClass; readonly days: number; readonly operatorId: string },
): Promise<void> {
  const before = (await readRetention(tx, organisationId)).find((row) => row.class === change.class)
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'retention.set',
      agentId: organisationId,
      body: {
        before: before?.days,
        class: change.class,
        days: change.days,
        operator: change.operatorId,
      },
    },
  ])
  const set = { days: change.days, set_by: change.operatorId, set_at: new Date(entry?.atMs ?? 0) }
  await tx
    .insertInto('airworthy.retention')
    .values({ organisation_id: organisationId, class: change.class, ...set })
    .onConflict((conflict) => conflict.columns(['organisation_id', 'class']).doUpdateSet(set))
    .execute()
}

/**
 * Works for a page on payloads that are past their time. Gives whether there may be more to do at
 * once. Nothing is deleted while a legal hold of everything is in force.
 */
export async function continuePayloadRetention(
  db: Database,
  organisationId: OrganisationId,
  nowMs: number,
): Promise<boolean> {
  const holds = await activeLegalHolds(db, organisationId)
  if (holds.some((hold) => hold.scope === 'everything')) return false
  const step = await db.transaction().execute((tx) => deletePage(tx, organisationId, holds))
  if (step === undefined) return beginDeletion(db, organisationId, nowMs)
  if (!step.isLast) return true
  await runCommand(db, organisationId, (tx) => finishDeletion(tx, organisationId, step.deletionId))
  return false
}

/** Writes the entry that comes before the first deletion; at most once a day. */
async function beginDeletion(
  db: Database,
  organisationId: OrganisationId,
  nowMs: number,
): Promise<boolean> {
  const retention = await readRetention(db, organisationId)
  const days = retention.find((row) => row.class === 'payloads')?.days ?? retentionDaysDefault
  const beforeMs = nowMs - days * dayMs
  const oldest = await db
    .selectFrom('airworthy.payloads')
    .select('call_id')
    .where('organisation_id', '=', organisationId)
    .orderBy('call_id')
    .limit(1)
    .executeTakeFirst()
  if (oldest === undefined || timeOfCallId(oldest.call_id) >= beforeMs) return false
  return runCommand(db, organisationId, async (tx) => {
    const last = await tx
      .selectFrom('airworthy.payload_deletions')
      .select(['begun_at', 'state'])
      .where('organisation_id', '=', organisationId)
      .orderBy('deletion_id', 'desc')
      .limit(1)
      .executeTakeFirst()
    // What a legal hold keeps stays the oldest: it must not make an entry at every turn.
    if (last !== undefined && nowMs - last.begun_at.getTime() < dayMs) return false
    const deletionId = randomUUIDv7()
    const [entry] = await appendEntries(tx, organisationId, [
      {
        type: 'retention.deleting',
        agentId: organisationId,
        body: {
          before: new Date(beforeMs).toISOString(),
          class: 'payloads',
          days,
          deletion: deletionId,
        },
      },
    ])
    await tx
      .insertInto('airworthy.payload_deletions')
      .values({
        organisation_id: organisationId,
        deletion_id: deletionId,
        before_call: firstCallIdAt(beforeMs),
        state: 'begun',
        begun_at: new Date(entry?.atMs ?? 0),
      })
      .execute()
    return true
  })
}

async function deletePage(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  holds: readonly LegalHoldRow[],
): Promise<{ deletionId: string; isLast: boolean } | undefined> {
  const open = await tx
    .selectFrom('airworthy.payload_deletions')
    .select(['deletion_id', 'before_call', 'scanned_to'])
    .where('organisation_id', '=', organisationId)
    .where('state', '=', 'begun')
    .orderBy('deletion_id')
    .limit(1)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst()
  if (open === undefined) return undefined
  const agents = holds.flatMap((hold) => hold.agentId ?? [])
  const subjects = holds.flatMap((hold) => hold.subjectId ?? [])
  const condition = sql`p.call_id < ${open.before_call}
    AND p.subject_id <> ALL(${subjects}::bytea[])
    AND NOT EXISTS (SELECT 1 FROM airworthy.call_intents c
      WHERE c.organisation_id = p.organisation_id AND c.call_id = p.call_id
        AND c.agent_id = ANY(${agents}::uuid[]))
    AND NOT EXISTS (SELECT 1 FROM airworthy.handover_messages m
      JOIN airworthy.handovers v USING (organisation_id, handover_id)
      WHERE m.organisation_id = p.organisation_id AND m.message_id = p.call_id
        AND v.agent_id = ANY(${agents}::uuid[]))`
  const page = await deletePayloadPage(tx, organisationId, { from: open.scanned_to, condition })
  const scannedTo = page.scannedTo ?? open.scanned_to
  await sql`UPDATE airworthy.payload_deletions SET payloads = payloads + ${page.deleted},
      scanned_to = ${scannedTo}
    WHERE organisation_id = ${organisationId} AND deletion_id = ${open.deletion_id}`.execute(tx)
  const isPast = scannedTo !== null && scannedTo >= open.before_call
  return { deletionId: open.deletion_id, isLast: page.isLast || isPast }
}

async function finishDeletion(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  deletionId: string,
): Promise<void> {
  const row = await tx
    .selectFrom('airworthy.payload_deletions')
    .select(['payloads', 'state'])
    .where('organisation_id', '=', organisationId)
    .where('deletion_id', '=', deletionId)
    .executeTakeFirst()
  if (row === undefined || row.state === 'done') return
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'retention.deleted',
      agentId: organisationId,
      body: { class: 'payloads', deletion: deletionId, payloads: row.payloads },
    },
  ])
  await tx
    .updateTable('airworthy.payload_deletions')
    .set({ state: 'done', done_at: new Date(entry?.atMs ?? 0) })
    .where('organisation_id', '=', organisationId)
    .where('deletion_id', '=', deletionId)
    .execute()
}
