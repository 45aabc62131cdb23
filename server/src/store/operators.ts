// Who may use the control API: operators, and launchers that only open and close sessions.
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { type Kysely } from 'kysely'
import { formatKey, hashKey, keyRandomBytes } from '../core/identity/key.ts'
import type { OrganisationId } from '../core/ids.ts'
import type { Database } from './database.ts'
import { appendEntries } from './log.ts'
import type { Schema } from './schema.ts'
import { runCommand } from './transaction.ts'

export type Operator = {
  readonly operatorId: string
  readonly name: string
  readonly role: 'operator' | 'launcher'
  readonly isRevoked: boolean
}

/** Finds who a key belongs to. Revoked ones are found too, so that the refusal can say so. */
export async function findOperatorByKey(
  db: Database,
  organisationId: OrganisationId,
  key: string,
): Promise<Operator | undefined> {
  const row = await db
    .selectFrom('airworthy.operators')
    .select(['operator_id', 'name', 'role', 'revoked_at'])
    .where('organisation_id', '=', organisationId)
    .where('key_hash', '=', hashKey(key))
    .executeTakeFirst()
  if (row === undefined) return undefined
  const { operator_id: operatorId, name, role, revoked_at: revokedAt } = row
  return { operatorId, name, role, isRevoked: revokedAt !== null }
}

export type OperatorKeyFile = {
  /** The key in `<data directory>/operator.key`; undefined when there is no such file. */
  readonly read: () => Promise<string | undefined>
  /** Must be durable when it resolves. */
  readonly write: (key: string) => Promise<void>
}

/** `missing`: an operator exists, but the file does not hold its key. */
export type EnsuredOperator = 'kept' | 'made' | 'replaced' | 'missing'

/**
 * Makes the first operator, and its key file, when there is none. The file is written before the
 * row is committed: after a crash in between, the next start takes the key from the file. With
 * `isNewKey` the keys of all operators of that name are revoked and a new one is made.
 */
export async function ensureOperator(
  db: Database,
  organisationId: OrganisationId,
  options: { readonly file: OperatorKeyFile; readonly isNewKey: boolean },
): Promise<EnsuredOperator> {
  return runCommand(db, organisationId, async (tx) => {
    const existing = await tx
      .selectFrom('airworthy.operators')
      .select(['operator_id', 'key_hash'])
      .where('organisation_id', '=', organisationId)
      .where('name', '=', firstOperatorName)
      .where('role', '=', 'operator')
      .where('revoked_at', 'is', null)
      .execute()
    const kept = options.isNewKey ? undefined : await options.file.read()
    if (existing.length > 0 && !options.isNewKey) {
      const hashed = kept === undefined ? undefined : hashKey(kept)
      const isKept = existing.some((row) => hashed?.equals(row.key_hash) === true)
      return isKept ? 'kept' : 'missing'
    }
    const key = kept ?? formatKey('operator', randomBytes(keyRandomBytes))
    if (kept === undefined) await options.file.write(key)
    const revoked = existing.map((row) => row.operator_id)
    await insertOperator(tx, organisationId, { key, revoked })
    return existing.length > 0 ? 'replaced' : 'made'
  })
}

const firstOperatorName = 'operator'

async function insertOperator(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  change: { readonly key: string; readonly revoked: readonly string[] },
): Promise<void> {
  const operatorId = randomUUIDv7()
  const logged = await appendEntries(tx, organisationId, [
    ...change.revoked.map((id) => ({
      type: 'key.revoked' as const,
      agentId: organisationId,
      body: { operator: id },
    })),
    {
      type: 'key.issued',
      agentId: organisationId,
      body: { operator: operatorId, role: 'operator' },
    },
  ])
  const at = new Date(logged[0]?.atMs ?? 0)
  if (change.revoked.length > 0) {
    await tx
      .updateTable('airworthy.operators')
      .set({ revoked_at: at })
      .where('organisation_id', '=', organisationId)
      .where('operator_id', 'in', [...change.revoked])
      .execute()
  }
  await tx
    .insertInto('airworthy.operators')
    .values({
      organisation_id: organisationId,
      operator_id: operatorId,
      name: firstOperatorName,
      role: 'operator',
      key_hash: hashKey(change.key),
    })
    .execute()
}
