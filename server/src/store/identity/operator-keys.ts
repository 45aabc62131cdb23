// Operators' own Ed25519 keys. Votes are signed with them; the API key alone is then not enough.
import type { Kysely } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import { appendEntries } from '../log/log.ts'
import type { Schema } from '../schema/schema.ts'

export type OperatorKeyRow = {
  readonly thumbprint: string
  readonly operatorId: string
  /** 32 bytes. */
  readonly publicKey: Buffer
  readonly addedBy: string
  readonly addedAt: Date
  readonly revokedAt: Date | null
}

/** More of them are a sign of something else. */
export const operatorKeysMax = 20

/** All keys that an operator ever had, the oldest first. */
export async function listOperatorKeys(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  operatorId: string,
): Promise<OperatorKeyRow[]> {
  const rows = await db
    .selectFrom('airworthy.operator_keys')
    .selectAll()
    .where('organisation_id', '=', organisationId)
    .where('operator_id', '=', operatorId)
    .orderBy('added_at')
    .orderBy('thumbprint')
    .execute()
  return rows.map(keyOf)
}

export async function findOperatorKey(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  thumbprint: string,
): Promise<OperatorKeyRow | undefined> {
  const row = await db
    .selectFrom('airworthy.operator_keys')
    .selectAll()
    .where('organisation_id', '=', organisationId)
    .where('thumbprint', '=', thumbprint)
    .executeTakeFirst()
  return row === undefined ? undefined : keyOf(row)
}

function keyOf(row: {
  readonly thumbprint: string
  readonly operator_id: string
  readonly public_key: Buffer
  readonly added_by: string
  readonly added_at: Date
  readonly revoked_at: Date | null
}): OperatorKeyRow {
  return {
    thumbprint: row.thumbprint,
    operatorId: row.operator_id,
    publicKey: row.public_key,
    addedBy: row.added_by,
    addedAt: row.added_at,
    revokedAt: row.revoked_at,
  }
}

/** Call it inside a command, for a key that is known to be safe and new. */
export async function insertOperatorKey(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  key: Pick<OperatorKeyRow, 'thumbprint' | 'operatorId' | 'publicKey' | 'addedBy'> & {
    /** The key that vouched for it; undefined for a first one, and for an admin's. */
    readonly endorsedBy: string | undefined
  },
): Promise<void> {
  const { thumbprint, operatorId, publicKey, addedBy, endorsedBy } = key
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'operator_key.added',
      agentId: organisationId,
      body: { by: addedBy, endorsed: endorsedBy, key: thumbprint, operator: operatorId },
    },
  ])
  await tx
    .insertInto('airworthy.operator_keys')
    .values({
      organisation_id: organisationId,
      thumbprint,
      operator_id: operatorId,
      public_key: publicKey,
      added_by: addedBy,
      added_at: new Date(entry?.atMs ?? 0),
    })
    .execute()
}

/** Call it inside a command. Votes that the key signed count no more, where they are not decided. */
export async function revokeOperatorKey(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  revoked: { readonly key: OperatorKeyRow; readonly by: string },
): Promise<void> {
  const { key, by } = revoked
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'operator_key.revoked',
      agentId: organisationId,
      body: { by, key: key.thumbprint, operator: key.operatorId },
    },
  ])
  await tx
    .updateTable('airworthy.operator_keys')
    .set({ revoked_at: new Date(entry?.atMs ?? 0) })
    .where('organisation_id', '=', organisationId)
    .where('thumbprint', '=', key.thumbprint)
    .execute()
}
