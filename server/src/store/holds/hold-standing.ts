// How held calls stand, for the agents that wait for them.
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'

export type HoldStandingRow = {
  readonly holdId: string
  readonly callId: string
  readonly sessionId: string
  readonly agentId: string
  readonly kind: string
  readonly action: string
  /** As it is stored. */
  readonly hold: string
  /** The state of the call. */
  readonly call: string
  /** Of the call, once it is refused or has failed. */
  readonly code: string | null
  readonly expiresAt: Date
  /** Who is asked, from 1, and how often the question was asked. */
  readonly level: number
  readonly round: number
  /** The hold of the same call with arguments that a person changed. */
  readonly replacedBy: string | null
}

/** One query for as many as there are; what is not there is missing from the list. */
export async function listHoldStandings(
  db: Database,
  organisationId: OrganisationId,
  holdIds: readonly string[],
): Promise<HoldStandingRow[]> {
  const rows = await db
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
      'h.agent_id',
      'c.kind',
      'h.action',
      'h.state',
      'c.state as call_state',
      'c.code',
      'h.expires_at',
      'h.level',
      'h.round',
      'h.replaced_by',
    ])
    .where('h.organisation_id', '=', organisationId)
    .where('h.hold_id', 'in', [...holdIds])
    .execute()
  return rows.map((row) => ({
    holdId: row.hold_id,
    callId: row.call_id,
    sessionId: row.session_id,
    agentId: row.agent_id,
    kind: row.kind,
    action: row.action,
    hold: row.state,
    call: row.call_state,
    code: row.code,
    expiresAt: row.expires_at,
    level: row.level,
    round: row.round,
    replacedBy: row.replaced_by,
  }))
}
