// The votes about a hold, as evidence.
import type { Kysely } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Schema } from '../schema/schema.ts'

export type CastVote = {
  readonly operatorName: string
  readonly vote: 'approve' | 'reject'
  readonly round: number
  readonly level: number
  readonly levels: readonly number[]
  readonly reason: string
  readonly castAt: Date
  readonly statement: string | null
  readonly signature: Buffer | null
  readonly thumbprint: string | null
}

/** Rounds are bounded, and so are people: a hold that has more votes than this does not exist. */
const votesMax = 10_000

/** Of all rounds, in the order in which they were cast. */
export async function listVotes(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  holdId: string,
): Promise<CastVote[]> {
  const rows = await db
    .selectFrom('airworthy.votes as v')
    .innerJoin('airworthy.operators as o', (join) =>
      join
        .onRef('o.organisation_id', '=', 'v.organisation_id')
        .onRef('o.operator_id', '=', 'v.operator_id'),
    )
    .selectAll('v')
    .select('o.name')
    .where('v.organisation_id', '=', organisationId)
    .where('v.hold_id', '=', holdId)
    .orderBy('v.round')
    .orderBy('v.cast_at')
    .orderBy('v.operator_id')
    .limit(votesMax)
    .execute()
  return rows.map((row) => ({
    operatorName: row.name,
    vote: row.vote,
    round: row.round,
    level: row.level,
    levels: row.levels,
    reason: row.reason,
    castAt: row.cast_at,
    statement: row.statement,
    signature: row.signature,
    thumbprint: row.thumbprint,
  }))
}
