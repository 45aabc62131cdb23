// DIDs of others that this install is a witness of.
import { type Kysely, sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import { appendEntries } from '../log/log.ts'
import type { Schema } from '../schema/schema.ts'

export type WitnessedDid = {
  readonly scid: string
  readonly did: string
  readonly versionNumber: number
  readonly versionId: string
}

export async function findWitnessedDid(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  scid: string,
): Promise<WitnessedDid | undefined> {
  const row = await db
    .selectFrom('airworthy.witnessed_dids')
    .selectAll()
    .where('organisation_id', '=', organisationId)
    .where('scid', '=', scid)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const { did, version_number: versionNumber, version_id: versionId } = row
  return { scid, did, versionNumber, versionId }
}

/** Remembers what is approved, before the proof is given out. Call it inside a command. */
export async function saveWitnessedDid(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  witnessed: WitnessedDid & { readonly proof: unknown },
): Promise<void> {
  const { scid, did, versionNumber, versionId } = witnessed
  await appendEntries(tx, organisationId, [
    { type: 'did.witnessed', agentId: organisationId, body: { scid, version: versionId } },
  ])
  const changing = {
    did,
    version_number: versionNumber,
    version_id: versionId,
    proof: JSON.stringify(witnessed.proof),
    witnessed_at: sql<Date>`clock_timestamp()`,
  }
  await tx
    .insertInto('airworthy.witnessed_dids')
    .values({ organisation_id: organisationId, scid, ...changing })
    .onConflict((conflict) => conflict.columns(['organisation_id', 'scid']).doUpdateSet(changing))
    .execute()
}
