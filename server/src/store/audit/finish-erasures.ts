// The second half of an erasure: the bytes of payloads whose keys are gone, and the entry that says
// that nothing is left.
import { type Kysely, sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import { appendEntries } from '../log/log.ts'
import { deletePayloadPage } from './payload-pages.ts'
import { settledAfterMs } from './payloads.ts'
import type { Schema } from '../schema/schema.ts'
import { runCommand } from '../transaction.ts'

/** A table of more rows is not rewritten: that would make gateways wait. */
const rowsRewrittenMax = 200_000
const lockWaitMs = 500

/** Works on one erasure for a page. Gives whether there may be more to do at once. */
export async function continueErasure(
  db: Database,
  organisationId: OrganisationId,
): Promise<boolean> {
  const step = await db.transaction().execute((tx) => erasePage(tx, organisationId))
  if (step === undefined) return false
  if (!step.isLast) return true
  await rewriteTables(db)
  await runCommand(db, organisationId, (tx) => finish(tx, organisationId, step.erasureId))
  return true
}

async function erasePage(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<{ erasureId: string; isLast: boolean } | undefined> {
  // Another replica works on those that are locked.
  const open = await tx
    .selectFrom('airworthy.erasures')
    .select(['erasure_id', 'subject_ids', 'scanned_to'])
    .where('organisation_id', '=', organisationId)
    .where('state', '=', 'requested')
    .where(
      'requested_at',
      '<',
      sql<Date>`clock_timestamp() - make_interval(secs => ${settledAfterMs / 1000})`,
    )
    .orderBy('erasure_id')
    .limit(1)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst()
  if (open === undefined) return undefined
  const condition = sql`p.subject_id = ANY(${open.subject_ids}::bytea[])`
  const page = await deletePayloadPage(tx, organisationId, { from: open.scanned_to, condition })
  await sql`UPDATE airworthy.erasures SET payloads = payloads + ${page.deleted},
      scanned_to = ${page.scannedTo ?? open.scanned_to}
    WHERE organisation_id = ${organisationId} AND erasure_id = ${open.erasure_id}`.execute(tx)
  return { erasureId: open.erasure_id, isLast: page.isLast }
}

const rewritten = [
  'airworthy.subject_keys',
  'airworthy.sessions',
  'airworthy.budget_policies',
] as const

/**
 * An UPDATE leaves the old row in its page, and VACUUM leaves its bytes there until they are used
 * again: only a table that is written anew has nothing of them. Throws where a table cannot be locked
 * at once, because whoever waits for a lock makes all others wait behind it; it is then tried again.
 */
async function rewriteTables(db: Database): Promise<void> {
  for (const name of rewritten) {
    const counted = await sql<{ rows: string }>`SELECT greatest(reltuples, 0)::bigint AS rows
      FROM pg_class WHERE oid = ${name}::regclass`.execute(db)
    const isSmall = Number(counted.rows[0]?.rows ?? 0) <= rowsRewrittenMax
    const table = sql.table(name)
    await db.connection().execute(async (connection) => {
      await sql`SET lock_timeout = ${sql.lit(lockWaitMs)}`.execute(connection)
      try {
        await sql`VACUUM ${isSmall ? sql`(FULL)` : sql``} ${table}`.execute(connection)
      } finally {
        await sql`RESET lock_timeout`.execute(connection)
      }
    })
  }
}

async function finish(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  erasureId: string,
): Promise<void> {
  const row = await tx
    .selectFrom('airworthy.erasures')
    .selectAll()
    .where('organisation_id', '=', organisationId)
    .where('erasure_id', '=', erasureId)
    .executeTakeFirst()
  if (row === undefined || row.state === 'done') return
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'erasure.done',
      agentId: organisationId,
      body: {
        erasure: erasureId,
        keys: row.keys,
        payloads: row.payloads,
        requested: `${row.log_id}:${row.requested_seq}`,
        sessions: row.sessions,
        subject: row.subject_ids[0]?.toString('base64url'),
      },
    },
  ])
  if (entry === undefined) throw new Error('an erasure got no entry')
  await tx
    .updateTable('airworthy.erasures')
    .set({
      state: 'done',
      done_at: new Date(entry.atMs),
      done_log_id: entry.logId,
      done_seq: entry.seq,
    })
    .where('organisation_id', '=', organisationId)
    .where('erasure_id', '=', erasureId)
    .execute()
}
