// Who read payloads or the log: an entry for each access, written before anything is shown.
import { hash, randomBytes, randomUUIDv7 } from 'node:crypto'
import { sql } from 'kysely'
import type { EntryDraft, EntryValue } from '../../core/audit/entry.ts'
import { commitReason, reasonSaltBytes } from '../../core/audit/reason.ts'
import { canonicalJson } from '../../core/canonical.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import { appendEntries } from '../log/log.ts'
import { runCommand } from '../transaction.ts'

export type AccessKind = 'payload' | 'log' | 'search' | 'export'

export type Access = {
  readonly kind: AccessKind
  readonly operatorId: string
  /** The operation of the control API that reads. */
  readonly operation: string
  /** Undefined where the operation reads many. */
  readonly callId?: string | undefined
  /** Calls of one session that are opened together; the entry has a digest of their ids. */
  readonly page?: { readonly sessionId: string; readonly callIds: readonly string[] } | undefined
  readonly reason: string
  /** What an export covers. */
  readonly range?: { readonly logId: string; readonly from: bigint; readonly to: bigint }
}

export type AccessRow = {
  readonly accessId: string
  readonly kind: string
  readonly operatorId: string
  readonly operatorName: string | null
  readonly operation: string
  readonly callId: string | null
  /** All that were opened, where it is known. */
  readonly callIds: readonly string[]
  readonly reason: string
  readonly logId: string
  readonly seq: string
  readonly at: Date
}

const types: Readonly<Record<AccessKind, EntryDraft['type']>> = {
  payload: 'access.payload',
  log: 'access.log',
  search: 'access.search',
  export: 'access.export',
}

/** Writes the access and its entry. Nothing may be shown when this throws. */
export async function recordAccess(
  db: Database,
  organisationId: OrganisationId,
  access: Access,
): Promise<void> {
  const salt = randomBytes(reasonSaltBytes)
  const accessId = randomUUIDv7()
  const body: Record<string, EntryValue | undefined> = {
    access: accessId,
    calls: access.page && hash('sha256', canonicalJson(access.page.callIds), 'base64url'),
    from: access.range?.from.toString(),
    log: access.range?.logId,
    operation: access.operation,
    operator: access.operatorId,
    reason: access.reason === '' ? undefined : commitReason(salt, access.reason),
    to: access.range?.to.toString(),
  }
  await runCommand(db, organisationId, async (tx) => {
    const [entry] = await appendEntries(tx, organisationId, [
      {
        type: types[access.kind],
        agentId: organisationId,
        sessionId: access.page?.sessionId,
        callId: access.callId,
        body,
      },
    ])
    if (entry === undefined) throw new Error('an access got no entry')
    await tx
      .insertInto('airworthy.accesses')
      .values({
        organisation_id: organisationId,
        access_id: accessId,
        operator_id: access.operatorId,
        kind: access.kind,
        operation: access.operation,
        call_id: access.callId ?? null,
        call_ids: access.page?.callIds,
        reason: access.reason,
        reason_salt: salt,
        log_id: entry.logId,
        seq: entry.seq,
        at: new Date(entry.atMs),
      })
      .execute()
  })
}

/** Accesses, the newest first, before the given one. */
export async function listAccesses(
  db: Database,
  organisationId: OrganisationId,
  page: {
    readonly callId: string | undefined
    readonly after: string | undefined
    readonly limit: number
  },
): Promise<AccessRow[]> {
  let query = db
    .selectFrom('airworthy.accesses as a')
    .leftJoin('airworthy.operators as o', (join) =>
      join
        .onRef('o.organisation_id', '=', 'a.organisation_id')
        .onRef('o.operator_id', '=', 'a.operator_id'),
    )
    .selectAll('a')
    .select('o.name')
    .where('a.organisation_id', '=', organisationId)
  const { callId } = page
  if (callId !== undefined) {
    // Two queries in one, because each has an index of its own.
    query = query.where(
      sql<boolean>`a.access_id IN (SELECT access_id FROM airworthy.accesses
        WHERE organisation_id = ${organisationId} AND call_id = ${callId} UNION ALL
        SELECT access_id FROM airworthy.accesses WHERE call_ids @> ARRAY[${callId}]::uuid[])`,
    )
  }
  if (page.after !== undefined) query = query.where('a.access_id', '<', page.after)
  const rows = await query.orderBy('a.access_id', 'desc').limit(page.limit).execute()
  return rows.map((row) => ({
    accessId: row.access_id,
    kind: row.kind,
    operatorId: row.operator_id,
    operatorName: row.name,
    operation: row.operation,
    callId: row.call_id,
    callIds: row.call_ids ?? (row.call_id === null ? [] : [row.call_id]),
    reason: row.reason,
    logId: row.log_id,
    seq: row.seq,
    at: row.at,
  }))
}
