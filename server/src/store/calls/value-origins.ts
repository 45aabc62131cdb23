// What sessions have read, as keyed digests with their origins. Rows are added and never changed, so
// whoever reads them later, in any gateway, finds at least as much.
import { type Kysely, sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { RememberedValues } from '../recorder/types.ts'
import type { Schema } from '../schema/schema.ts'

/** Of one session: bytes of digests, and results and messages. */
const digestBytesMax = 2 * 1024 * 1024
const sourcesMax = 2000

export type ValueOrigins = Pick<RememberedValues, 'origins' | 'digests' | 'isEverything'>

export async function listValueOrigins(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  sessionId: string,
): Promise<ValueOrigins[]> {
  const rows = await db
    .selectFrom('airworthy.value_origins')
    .select(['origins', 'digests', 'is_everything'])
    .where('organisation_id', '=', organisationId)
    .where('session_id', '=', sessionId)
    .execute()
  return rows.map(({ origins, digests, is_everything: isEverything }) => ({
    origins,
    digests,
    isEverything,
  }))
}

/** Which of these sources a session remembers already. */
export async function findKnownSources(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  query: { readonly sessionId: string; readonly sources: readonly string[] },
): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('airworthy.value_origins')
    .select('source')
    .where('organisation_id', '=', organisationId)
    .where('session_id', '=', query.sessionId)
    .where('source', 'in', query.sources)
    .execute()
  return new Set(rows.map((row) => row.source))
}

/** Whether a session has room for so many more bytes of digests. */
export async function hasRoom(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  values: { readonly sessionId: string; readonly bytes: number },
): Promise<boolean> {
  const found = await sql<{ bytes: string; sources: string }>`
    SELECT coalesce(sum(octet_length(digests)), 0) AS bytes, count(*) AS sources
    FROM airworthy.value_origins
    WHERE organisation_id = ${organisationId} AND session_id = ${values.sessionId}`.execute(db)
  const [used] = found.rows
  if (used === undefined) return true
  return Number(used.bytes) + values.bytes <= digestBytesMax && Number(used.sources) < sourcesMax
}

/** What is remembered without a call that settles: messages, and results of other sessions. */
export async function insertValueOrigins(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  values: readonly RememberedValues[],
): Promise<void> {
  if (values.length === 0) return
  await db
    .insertInto('airworthy.value_origins')
    .values(
      values.map((each) => ({
        organisation_id: organisationId,
        session_id: each.sessionId,
        source: each.source,
        origins: [...each.origins],
        digests: each.digests,
        is_everything: each.isEverything,
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** A closed session makes no more calls, so nothing is looked for in what it has read. */
export async function forgetValuesOfClosedSessions(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  sourcesMaxAtOnce: number,
): Promise<void> {
  await sql`DELETE FROM airworthy.value_origins v
    WHERE v.ctid = ANY(ARRAY(SELECT o.ctid FROM airworthy.value_origins o
      JOIN airworthy.sessions s USING (organisation_id, session_id)
      WHERE o.organisation_id = ${organisationId} AND s.state = 'closed'
      LIMIT ${sourcesMaxAtOnce}))`.execute(db)
}
