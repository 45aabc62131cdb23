// Deletes payloads page by page, in the order of their calls, so that no page locks for long and a
// process that dies goes on where it was.
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Schema } from '../schema/schema.ts'

const pageRows = 5_000

export type DeletedPage = {
  readonly deleted: bigint
  /** Undefined where there was nothing more to look through. */
  readonly scannedTo: string | undefined
  readonly isLast: boolean
}

/**
 * Looks through one page of payloads, from the call `from` on, and deletes those for which
 * `condition` holds; it may speak of the page's rows as `p`.
 */
export async function deletePayloadPage(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  page: { readonly from: string | null; readonly condition: RawBuilder<unknown> },
): Promise<DeletedPage> {
  const from = page.from ?? '00000000-0000-0000-0000-000000000000'
  // A call may have parts on both sides of a page's end, so the next page begins with its last call.
  const found = await sql<{ deleted: string; seen: string; scanned_to: string | null }>`
    WITH page AS MATERIALIZED (
      SELECT organisation_id, call_id, part, subject_id FROM airworthy.payloads
      WHERE organisation_id = ${organisationId} AND call_id >= ${from}
      ORDER BY call_id, part LIMIT ${pageRows}
    ), gone AS (
      DELETE FROM airworthy.payloads d USING page p
      WHERE d.organisation_id = p.organisation_id AND d.call_id = p.call_id AND d.part = p.part
        AND (${page.condition})
      RETURNING 1
    )
    SELECT (SELECT count(*) FROM gone) AS deleted, (SELECT count(*) FROM page) AS seen,
      (SELECT call_id FROM page ORDER BY call_id DESC LIMIT 1) AS scanned_to`.execute(tx)
  const row = found.rows[0]
  const seen = Number(row?.seen ?? 0)
  return {
    deleted: BigInt(row?.deleted ?? 0),
    scannedTo: row?.scanned_to ?? undefined,
    isLast: seen < pageRows,
  }
}
