// DIDs and their logs. A line of a log is written once; what is served is what is published.
import { type Kysely, sql } from 'kysely'
import type { EntryType, EntryValue } from '../../core/audit/entry.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { appendEntries } from '../log/log.ts'
import type { Schema } from '../schema/schema.ts'

export type IdentityRow = {
  readonly subjectId: string
  readonly kind: 'organisation' | 'agent'
  readonly did: string
  readonly domain: string
  readonly generation: number
  readonly versionNumber: number
  readonly isDeactivated: boolean
}

export type DidLog = {
  readonly lines: readonly { readonly text: string; readonly isPublished: boolean }[]
  readonly proofs: readonly WitnessProof[]
}

export type WitnessProof = {
  readonly versionNumber: number
  readonly versionId: string
  readonly witness: string
  readonly proof: unknown
}

const linesMax = 1_000
const proofsMax = 1_000

function selectIdentities(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.identities')
    .selectAll()
    .where('organisation_id', '=', organisationId)
}

type Selected = Awaited<ReturnType<ReturnType<typeof selectIdentities>['execute']>>[number]

function identityOf(row: Selected): IdentityRow {
  return {
    subjectId: row.subject_id,
    kind: row.kind,
    did: row.did,
    domain: row.domain,
    generation: row.generation,
    versionNumber: row.version_number,
    isDeactivated: row.is_deactivated,
  }
}

/** The identity of an agent, or of the organisation by its own id. */
export async function findIdentity(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  subjectId: string,
): Promise<IdentityRow | undefined> {
  const row = await selectIdentities(db, organisationId)
    .where('subject_id', '=', subjectId)
    .executeTakeFirst()
  return row === undefined ? undefined : identityOf(row)
}

/** Ids of agents that have no DID yet. */
export async function listAgentsWithoutIdentity(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  limit: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom('airworthy.agents as a')
    .leftJoin('airworthy.identities as i', (join) =>
      join
        .onRef('i.organisation_id', '=', 'a.organisation_id')
        .onRef('i.subject_id', '=', 'a.agent_id'),
    )
    .select('a.agent_id')
    .where('a.organisation_id', '=', organisationId)
    .where('i.did', 'is', null)
    .orderBy('a.agent_id')
    .limit(limit)
    .execute()
  return rows.map((row) => row.agent_id)
}

/** Agents with a key that came, went or expired after the last version of their DID. */
export async function listIdentitiesBehind(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  limit: number,
): Promise<string[]> {
  const found = await sql<{ subject_id: string }>`
    SELECT i.subject_id FROM airworthy.identities i
    JOIN airworthy.identity_versions v ON v.organisation_id = i.organisation_id
      AND v.subject_id = i.subject_id AND v.version_number = i.version_number
    WHERE i.organisation_id = ${organisationId} AND i.kind = 'agent' AND NOT i.is_deactivated
      AND EXISTS (SELECT FROM airworthy.agent_keys k
        WHERE k.organisation_id = i.organisation_id AND k.agent_id = i.subject_id
          AND (k.created_at > v.created_at OR k.revoked_at > v.created_at
            OR k.expires_at BETWEEN v.created_at AND clock_timestamp()))
    ORDER BY i.subject_id LIMIT ${limit}`.execute(db)
  return found.rows.map((row) => row.subject_id)
}

/** What tells one state of a published log from another; undefined where there is no DID. */
export async function readDidLogMark(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  subjectId: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('airworthy.identity_versions')
    .select((column) => column.fn.max('version_number').as('newest'))
    .where('organisation_id', '=', organisationId)
    .where('subject_id', '=', subjectId)
    .where('is_published', '=', true)
    .executeTakeFirst()
  return row?.newest === null || row === undefined ? undefined : String(row.newest)
}

export async function readDidLog(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  subjectId: string,
): Promise<DidLog> {
  const lines = await db
    .selectFrom('airworthy.identity_versions')
    .select(['line', 'is_published'])
    .where('organisation_id', '=', organisationId)
    .where('subject_id', '=', subjectId)
    .orderBy('version_number')
    .limit(linesMax)
    .execute()
  const proofs = await db
    .selectFrom('airworthy.identity_witness_proofs')
    .select(['version_number', 'version_id', 'witness', 'proof'])
    .where('organisation_id', '=', organisationId)
    .where('subject_id', '=', subjectId)
    .orderBy('version_number')
    .orderBy('witness')
    .limit(proofsMax)
    .execute()
  return {
    lines: lines.map((row) => ({ text: row.line, isPublished: row.is_published })),
    proofs: proofs.map((row) => ({
      versionNumber: row.version_number,
      versionId: row.version_id,
      witness: row.witness,
      proof: row.proof,
    })),
  }
}

export type NewVersion = {
  readonly subjectId: string
  readonly kind: 'organisation' | 'agent'
  readonly did: string
  readonly domain: string
  readonly generation: number
  readonly isDeactivated: boolean
  /** Of the last version that the new ones were signed upon; 0 for a new DID. */
  readonly versionBefore: number
  readonly versions: readonly {
    readonly versionNumber: number
    readonly versionId: string
    readonly line: string
    readonly isPublished: boolean
  }[]
}

/**
 * Appends versions that were signed outside the command. False when somebody else appended in the
 * meantime: then nothing is written, and they have to be made anew. Call it inside a command.
 */
export async function appendVersions(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  added: NewVersion,
): Promise<boolean> {
  const { subjectId, versions, versionBefore } = added
  const found = await findIdentity(tx, organisationId, subjectId)
  if ((found?.versionNumber ?? 0) !== versionBefore) return false
  await appendEntries(
    tx,
    organisationId,
    versions.map((version) => ({
      type: entryTypeOf(version.versionNumber, added.isDeactivated && version === versions.at(-1)),
      agentId: subjectId,
      body: bodyOf(version.versionId, version.versionNumber === 1 ? added.did : undefined),
    })),
  )
  const values = {
    organisation_id: organisationId,
    subject_id: subjectId,
    kind: added.kind,
    did: added.did,
    domain: added.domain,
    generation: added.generation,
    version_number: versionBefore + versions.length,
    is_deactivated: added.isDeactivated,
  }
  const { did: _did, kind: _kind, organisation_id: _o, subject_id: _s, ...changing } = values
  await tx
    .insertInto('airworthy.identities')
    .values(values)
    .onConflict((conflict) =>
      conflict.columns(['organisation_id', 'subject_id']).doUpdateSet(changing),
    )
    .execute()
  await tx
    .insertInto('airworthy.identity_versions')
    .values(
      versions.map((version) => ({
        organisation_id: organisationId,
        subject_id: subjectId,
        version_number: version.versionNumber,
        version_id: version.versionId,
        line: version.line,
        is_published: version.isPublished,
      })),
    )
    .execute()
  return true
}

function entryTypeOf(versionNumber: number, isDeactivation: boolean): EntryType {
  if (isDeactivation) return 'identity.deactivated'
  return versionNumber === 1 ? 'identity.created' : 'identity.updated'
}

/** A DID names a host and an agent's id, and no person. */
function bodyOf(versionId: string, did: string | undefined): Record<string, EntryValue> {
  return { ...(did === undefined ? {} : { did }), version: versionId }
}

/** Keeps the proof of a witness; the same witness again for the same version changes nothing. */
export async function addWitnessProof(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly subjectId: string; readonly added: WitnessProof },
): Promise<void> {
  const { subjectId, added } = of
  await tx
    .insertInto('airworthy.identity_witness_proofs')
    .values({
      organisation_id: organisationId,
      subject_id: subjectId,
      version_number: added.versionNumber,
      version_id: added.versionId,
      witness: added.witness,
      proof: JSON.stringify(added.proof),
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Serves every version of the DID from now on. Call it when their witnesses have approved them. */
export async function publishVersions(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  subjectId: string,
): Promise<void> {
  await tx
    .updateTable('airworthy.identity_versions')
    .set({ is_published: true })
    .where('organisation_id', '=', organisationId)
    .where('subject_id', '=', subjectId)
    .execute()
}

/** Every identity of the organisation, in the order of its subjects; at most a page of them. */
export async function listIdentities(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: { readonly after: string | undefined; readonly limit: number },
): Promise<IdentityRow[]> {
  let query = selectIdentities(db, organisationId)
  if (page.after !== undefined) query = query.where('subject_id', '>', page.after)
  const rows = await query.orderBy('subject_id').limit(page.limit).execute()
  return rows.map(identityOf)
}
