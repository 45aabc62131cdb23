// What people decide about held calls: one vote settles a hold today; the entry binds the exact
// arguments, the tool's schema, the pact's version and the operator.
import { randomBytes } from 'node:crypto'
import { commitReason, reasonSaltBytes } from '../core/audit/reason.ts'
import { AirworthyError } from '../core/errors.ts'
import type { OrganisationId } from '../core/ids.ts'
import type { ModelApi } from '../core/wires/model-api.ts'
import { sql } from 'kysely'
import type { Database } from './database.ts'
import { appendEntries } from './log.ts'
import { reactToHold } from './run-holds.ts'
import { runCommand } from './transaction.ts'

export type Vote = {
  readonly holdId: string
  readonly operatorId: string
  readonly vote: 'approve' | 'reject'
  readonly reason: string
}

/** Throws `hold.unknown`, `hold.settled` or `hold.expired`. An expired hold is closed as well. */
export async function voteOnHold(
  db: Database,
  organisationId: OrganisationId,
  vote: Vote,
): Promise<void> {
  const isExpired = await runCommand(db, organisationId, async (tx) => {
    const hold = await readHold(tx, organisationId, vote.holdId)
    if (hold === undefined) throw new AirworthyError('hold.unknown', 'there is no such hold')
    if (hold.state !== 'pending') {
      throw new AirworthyError('hold.settled', `the hold is ${hold.state} already`)
    }
    if (hold.isDue) {
      await closeHold(tx, organisationId, { hold, state: 'expired' })
      return true
    }
    const state = vote.vote === 'approve' ? 'approving' : 'rejected'
    await closeHold(tx, organisationId, { hold, state, vote })
    return false
  })
  if (isExpired) throw new AirworthyError('hold.expired', 'the hold expired before the vote')
}

/** Denies held calls whose time is over. Gives how many there were; at most a page of them. */
export async function expireHolds(
  db: Database,
  organisationId: OrganisationId,
  limit: number,
): Promise<number> {
  const due = await db
    .selectFrom('airworthy.holds')
    .select('hold_id')
    .where('organisation_id', '=', organisationId)
    .where('state', '=', 'pending')
    .where('expires_at', '<=', sql<Date>`clock_timestamp()`)
    .limit(limit)
    .execute()
  if (due.length === 0) return 0
  return runCommand(db, organisationId, async (tx) => {
    let expired = 0
    for (const { hold_id } of due) {
      const hold = await readHold(tx, organisationId, hold_id)
      if (hold === undefined || hold.state !== 'pending' || !hold.isDue) continue
      await closeHold(tx, organisationId, { hold, state: 'expired' })
      expired += 1
    }
    return expired
  })
}

/** Approved holds whose call is not under way: a server stopped between vote and execution. */
export async function listApprovingHolds(
  db: Database,
  organisationId: OrganisationId,
  limit: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom('airworthy.holds')
    .select('hold_id')
    .where('organisation_id', '=', organisationId)
    .where('state', '=', 'approving')
    .where('decided_at', '<', sql<Date>`clock_timestamp() - interval '10 seconds'`)
    .limit(limit)
    .execute()
  return rows.map((row) => row.hold_id)
}

export type HeldCall = {
  readonly holdId: string
  readonly callId: string
  readonly sessionId: string
  readonly effectId: string
  readonly pactId: string
  readonly kind: 'model' | 'tool'
  readonly action: string
  readonly schemaHash: string
  readonly apiKeyId: string
  /** The API that the client of a model call speaks; undefined for what earlier releases held. */
  readonly wire: ModelApi | undefined
  /** False for a call that no person was asked about: it waited for its run. */
  readonly isApproved: boolean
}

export async function findHeldCall(
  db: Database,
  organisationId: OrganisationId,
  holdId: string,
): Promise<HeldCall | undefined> {
  const row = await db
    .selectFrom('airworthy.holds as h')
    .innerJoin('airworthy.calls as c', (join) =>
      join
        .onRef('c.organisation_id', '=', 'h.organisation_id')
        .onRef('c.call_id', '=', 'h.call_id'),
    )
    .select([
      'h.hold_id',
      'h.call_id',
      'h.session_id',
      'c.effect_id',
      'h.pact_id',
      'c.kind',
      'h.action',
      'h.schema_hash',
      'c.api_key_id',
      'h.wire',
      sql<boolean>`EXISTS (SELECT FROM airworthy.votes v WHERE v.organisation_id = h.organisation_id
        AND v.hold_id = h.hold_id AND v.vote = 'approve')`.as('is_approved'),
    ])
    .where('h.organisation_id', '=', organisationId)
    .where('h.hold_id', '=', holdId)
    .executeTakeFirst()
  if (row === undefined || row.effect_id === null) return undefined
  return {
    holdId: row.hold_id,
    callId: row.call_id,
    sessionId: row.session_id,
    effectId: row.effect_id,
    pactId: row.pact_id,
    kind: row.kind === 'model' ? 'model' : 'tool',
    action: row.action,
    schemaHash: row.schema_hash,
    apiKeyId: row.api_key_id,
    wire: row.wire ?? undefined,
    isApproved: row.is_approved,
  }
}

type HoldState = NonNullable<Awaited<ReturnType<typeof readHold>>>

async function readHold(tx: Database, organisationId: OrganisationId, holdId: string) {
  return tx
    .selectFrom('airworthy.holds as h')
    .innerJoin('airworthy.calls as c', (join) =>
      join
        .onRef('c.organisation_id', '=', 'h.organisation_id')
        .onRef('c.call_id', '=', 'h.call_id'),
    )
    .selectAll('h')
    .select(['c.effect_id', 'c.version_id'])
    .select(sql<boolean>`h.expires_at <= clock_timestamp()`.as('isDue'))
    .where('h.organisation_id', '=', organisationId)
    .where('h.hold_id', '=', holdId)
    .executeTakeFirst()
}

async function closeHold(
  tx: Database,
  organisationId: OrganisationId,
  change: { hold: HoldState; state: 'approving' | 'rejected' | 'expired'; vote?: Vote },
): Promise<void> {
  const { hold, state, vote } = change
  const type = ({ approving: 'approved', rejected: 'rejected', expired: 'expired' } as const)[state]
  const salt = randomBytes(reasonSaltBytes)
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: `hold.${type}`,
      agentId: hold.agent_id,
      versionId: hold.version_id,
      pactId: hold.pact_id,
      sessionId: hold.session_id,
      callId: hold.call_id,
      body: {
        args: hold.args_hash,
        hold: hold.hold_id,
        operator: vote?.operatorId,
        reason: vote === undefined ? undefined : commitReason(salt, vote.reason),
        schema: hold.schema_hash,
      },
    },
  ])
  const at = new Date(entry?.atMs ?? 0)
  await tx
    .updateTable('airworthy.holds')
    .set({ state, decided_at: at })
    .where('organisation_id', '=', organisationId)
    .where('hold_id', '=', hold.hold_id)
    .execute()
  if (vote !== undefined) {
    await tx
      .insertInto('airworthy.votes')
      .values({
        organisation_id: organisationId,
        hold_id: hold.hold_id,
        operator_id: vote.operatorId,
        vote: vote.vote,
        reason: vote.reason,
        reason_salt: salt,
        cast_at: at,
      })
      .execute()
  }
  if (state === 'approving') return
  const code = state === 'expired' ? 'hold.expired' : 'hold.rejected'
  await tx
    .insertInto('airworthy.call_outcomes')
    .values({
      organisation_id: organisationId,
      call_id: hold.call_id,
      state: 'denied',
      code,
      outcome_seq: entry?.seq ?? null,
      settled_at: at,
    })
    .execute()
  if (hold.effect_id === null) return
  // The effect keeps its key: a repeat hears what was decided, and asks nobody again.
  await tx
    .updateTable('airworthy.effects')
    .set({ state: 'denied', settled_at: at })
    .where('organisation_id', '=', organisationId)
    .where('effect_id', '=', hold.effect_id)
    .execute()
  await reactToHold(tx, organisationId, { callId: hold.call_id, code })
}
