// Legal holds: what must be kept, whatever retention says and whoever asks for erasure.
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import type { Kysely } from 'kysely'
import { commitReason, reasonSaltBytes } from '../../core/audit/reason.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { appendEntries } from '../log/log.ts'
import type { Schema } from '../schema/schema.ts'

export type LegalHoldScope = 'everything' | 'agent' | 'subject'

export type LegalHoldRow = {
  readonly legalHoldId: string
  readonly scope: LegalHoldScope
  readonly agentId: string | null
  readonly agentName: string | null
  readonly subjectId: Buffer | null
  readonly reason: string
  readonly placedAt: Date
  readonly releasedAt: Date | null
}

function selectHolds(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.legal_holds as h')
    .leftJoin('airworthy.agents as a', (join) =>
      join
        .onRef('a.organisation_id', '=', 'h.organisation_id')
        .onRef('a.agent_id', '=', 'h.agent_id'),
    )
    .selectAll('h')
    .select('a.name')
    .where('h.organisation_id', '=', organisationId)
}

type Selected = Awaited<ReturnType<ReturnType<typeof selectHolds>['execute']>>[number]

function holdOf(row: Selected): LegalHoldRow {
  return {
    legalHoldId: row.legal_hold_id,
    scope: row.scope,
    agentId: row.agent_id,
    agentName: row.name,
    subjectId: row.subject_id,
    reason: row.reason,
    placedAt: row.placed_at,
    releasedAt: row.released_at,
  }
}

/** Legal holds, released ones too, in the order of their placing. */
export async function listLegalHolds(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: { readonly after: string | undefined; readonly limit: number },
): Promise<LegalHoldRow[]> {
  let query = selectHolds(db, organisationId)
  if (page.after !== undefined) query = query.where('h.legal_hold_id', '>', page.after)
  const rows = await query.orderBy('h.legal_hold_id').limit(page.limit).execute()
  return rows.map(holdOf)
}

export async function findLegalHold(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  legalHoldId: string,
): Promise<LegalHoldRow | undefined> {
  const row = await selectHolds(db, organisationId)
    .where('h.legal_hold_id', '=', legalHoldId)
    .executeTakeFirst()
  return row === undefined ? undefined : holdOf(row)
}

/** The holds that are in force. */
export async function activeLegalHolds(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<LegalHoldRow[]> {
  const rows = await selectHolds(db, organisationId)
    .where('h.released_at', 'is', null)
    .orderBy('h.legal_hold_id')
    .execute()
  return rows.map(holdOf)
}

/** Places a hold. Call it inside a command. */
export async function placeLegalHold(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  placed: {
    readonly scope: LegalHoldScope
    readonly agentId: string | undefined
    readonly subjectId: Buffer | undefined
    readonly reason: string
    readonly operatorId: string
  },
): Promise<string> {
  const legalHoldId = randomUUIDv7()
  const salt = randomBytes(reasonSaltBytes)
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'legal_hold.placed',
      agentId: organisationId,
      body: {
        hold: legalHoldId,
        of: placed.agentId,
        operator: placed.operatorId,
        reason: commitReason(salt, placed.reason),
        scope: placed.scope,
        subject: placed.subjectId?.toString('base64url'),
      },
    },
  ])
  await tx
    .insertInto('airworthy.legal_holds')
    .values({
      organisation_id: organisationId,
      legal_hold_id: legalHoldId,
      scope: placed.scope,
      agent_id: placed.agentId ?? null,
      subject_id: placed.subjectId ?? null,
      reason: placed.reason,
      reason_salt: salt,
      placed_by: placed.operatorId,
      placed_at: new Date(entry?.atMs ?? 0),
    })
    .execute()
  return legalHoldId
}

/** Releases a hold that is in force. Call it inside a command. */
export async function releaseLegalHold(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  released: { readonly legalHoldId: string; readonly operatorId: string },
): Promise<void> {
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'legal_hold.released',
      agentId: organisationId,
      body: { hold: released.legalHoldId, operator: released.operatorId },
    },
  ])
  await tx
    .updateTable('airworthy.legal_holds')
    .set({ released_at: new Date(entry?.atMs ?? 0), released_by: released.operatorId })
    .where('organisation_id', '=', organisationId)
    .where('legal_hold_id', '=', released.legalHoldId)
    .where('released_at', 'is', null)
    .execute()
}
