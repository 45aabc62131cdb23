// Money that is set aside and neither captured nor voided here. What has ended at the provider, and no
// call said so, is given up by two people.
import { type Kysely, sql } from 'kysely'
import { z } from 'zod'
import type { Proposal } from '../../core/approval/proposal.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { type AssetId, isoDecimals } from '../../core/money/asset.ts'
import type { Database } from '../database.ts'
import { appendEntries } from '../log/log.ts'
import type { Schema } from '../schema/schema.ts'
import { runCommand } from '../transaction.ts'
import { propose } from '../two-person.ts'

export type OpenAuthorisation = {
  /** The call that opened it, by which people name it: its reference is a keyed digest. */
  readonly callId: string
  readonly action: string
  readonly agentId: string
  readonly asset: AssetId
  readonly minor: bigint
  readonly decimals: number
  readonly openedAt: Date
}

/** In the order of their calls' ids, after the given one. */
export async function listAuthorisations(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: { readonly after: string | undefined; readonly limit: number },
): Promise<OpenAuthorisation[]> {
  const found = await sql<{
    call_id: string
    action: string
    agent_id: string
    asset: string
    minor: string
    decimals: number | null
    created_at: Date
  }>`
    SELECT a.call_id, c.action, c.agent_id, a.asset, a.minor, s.decimals, c.created_at
    FROM airworthy.money_authorisations a
      JOIN airworthy.call_intents c USING (organisation_id, call_id)
      LEFT JOIN airworthy.assets s ON s.organisation_id = a.organisation_id AND s.asset = a.asset
    WHERE a.organisation_id = ${organisationId} AND a.state = 'open'
      AND (${page.after ?? null}::uuid IS NULL OR a.call_id > ${page.after ?? null}::uuid)
    ORDER BY a.call_id LIMIT ${page.limit}`.execute(db)
  return found.rows.map((row) => ({
    callId: row.call_id,
    action: row.action,
    agentId: row.agent_id,
    asset: row.asset,
    minor: BigInt(row.minor),
    decimals: isoDecimals(row.asset) ?? row.decimals ?? 0,
    openedAt: row.created_at,
  }))
}

/** Proposes that what the call opened counts as open no more. Throws `money.authorisation_unknown`. */
export async function proposeRelease(
  db: Database,
  organisationId: OrganisationId,
  command: { readonly callId: string; readonly operatorId: string; readonly reason: string },
): Promise<Proposal> {
  const { callId, operatorId, reason } = command
  return runCommand(db, organisationId, async (tx) => {
    const { asset, minor } = await requireOpen(tx, organisationId, callId)
    const change: z.input<typeof storedChange> = { call: callId, asset, minor }
    const asked = { kind: 'authorisation.release', change, operatorId, reason } as const
    return propose(tx, organisationId, asked)
  })
}

const storedChange = z.object({ call: z.uuid(), asset: z.string(), minor: z.string() })

/**
 * Does what was confirmed. Call it in the transaction of the confirmation. What windows counted
 * stays: nobody knows here what the provider did with the money. Throws
 * `money.authorisation_unknown` where it was captured or voided since.
 */
export async function applyRelease(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly proposal: Proposal; readonly operatorId: string },
): Promise<void> {
  const { proposal, operatorId } = of
  const { call: callId } = storedChange.parse(proposal.change)
  await requireOpen(tx, organisationId, callId)
  const body = { call: callId, operator: operatorId, proposal: proposal.proposalId }
  await appendEntries(tx, organisationId, [
    { type: 'authorisation.released', agentId: organisationId, body },
  ])
  await tx
    .updateTable('airworthy.money_authorisations')
    .set({ state: 'closed' })
    .where('organisation_id', '=', organisationId)
    .where('call_id', '=', callId)
    .execute()
  // A limit on what is open has one window that never ends, so there are no buckets to take it from.
  await sql`
    UPDATE airworthy.money_ledgers l SET settled = greatest(l.settled - r.minor, 0),
      count_settled = greatest(l.count_settled - r.count, 0)
    FROM airworthy.money_reservations r
    WHERE r.organisation_id = ${organisationId} AND r.call_id = ${callId}
      AND r.purpose = 'open' AND r.state = 'settled'
      AND l.organisation_id = r.organisation_id AND l.ledger_id = r.ledger_id`.execute(tx)
}

async function requireOpen(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  callId: string,
): Promise<{ readonly asset: string; readonly minor: string }> {
  const row = await tx
    .selectFrom('airworthy.money_authorisations')
    .select(['asset', 'minor'])
    .where('organisation_id', '=', organisationId)
    .where('call_id', '=', callId)
    .where('state', '=', 'open')
    .executeTakeFirst()
  if (row !== undefined) return row
  const message = 'the call has opened no authorisation, or it was captured, voided or given up'
  throw new AirworthyError('money.authorisation_unknown', message)
}
