// Who may use the control API: operators, and launchers that only open and close sessions.
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import type { Kysely } from 'kysely'
import { formatKey, hashKey, keyRandomBytes } from '../../core/identity/key.ts'
import { keyKindOfRole, type Role } from '../../core/identity/roles.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { appendEntries } from '../log/log.ts'
import type { Schema } from '../schema/schema.ts'
import { runCommand } from '../transaction.ts'

export type OperatorRole = Role

export type OperatorRow = {
  readonly operatorId: string
  readonly name: string
  readonly role: OperatorRole
  readonly teams: readonly string[]
  /** Undefined for the first operator, and in rows of earlier releases. */
  readonly addedBy: string | undefined
  /** Whose second self it may be: whoever added it, by a chain without an admin; else its own id. */
  readonly personId: string
  readonly createdAt: Date
  readonly revokedAt: Date | null
}

function selectOperators(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.operators')
    .selectAll()
    .where('organisation_id', '=', organisationId)
}

type SelectedOperator = Awaited<ReturnType<ReturnType<typeof selectOperators>['execute']>>[number]

function operatorOf(row: SelectedOperator): OperatorRow {
  return {
    operatorId: row.operator_id,
    name: row.name,
    role: row.role,
    teams: row.teams,
    addedBy: row.added_by ?? undefined,
    personId: row.person_id ?? row.operator_id,
    createdAt: row.created_at,
    revokedAt: row.revoked_at,
  }
}

/** Finds who a key belongs to. Revoked ones are found too, so that the refusal can say so. */
export async function findOperatorByKey(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  key: string,
): Promise<OperatorRow | undefined> {
  const row = await selectOperators(db, organisationId)
    .where('key_hash', '=', hashKey(key))
    .executeTakeFirst()
  return row === undefined ? undefined : operatorOf(row)
}

export async function findOperator(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  operatorId: string,
): Promise<OperatorRow | undefined> {
  const row = await selectOperators(db, organisationId)
    .where('operator_id', '=', operatorId)
    .executeTakeFirst()
  return row === undefined ? undefined : operatorOf(row)
}

/** Finds the operator or launcher of this name whose key is not revoked. */
export async function findActiveOperator(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  name: string,
): Promise<OperatorRow | undefined> {
  const row = await selectOperators(db, organisationId)
    .where('name', '=', name)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return row === undefined ? undefined : operatorOf(row)
}

/** Operators and launchers in the order of their ids, revoked ones too. */
export async function listOperators(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: { readonly after: string | undefined; readonly limit: number },
): Promise<OperatorRow[]> {
  let query = selectOperators(db, organisationId)
  if (page.after !== undefined) query = query.where('operator_id', '>', page.after)
  const rows = await query.orderBy('operator_id').limit(page.limit).execute()
  return rows.map(operatorOf)
}

/** Makes an operator or launcher with a key of its own. Call it inside a command. */
export async function insertOperator(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  added: {
    readonly name: string
    readonly role: OperatorRole
    readonly key?: string
    readonly teams?: readonly string[] | undefined
    /** Undefined for the first operator. */
    readonly addedBy?: string
  },
): Promise<{ operatorId: string; key: string }> {
  const operatorId = randomUUIDv7()
  const { name, role, addedBy } = added
  const key = added.key ?? formatKey(keyKindOfRole(role), randomBytes(keyRandomBytes))
  const adder = addedBy === undefined ? undefined : await findOperator(tx, organisationId, addedBy)
  const body = { by: addedBy, operator: operatorId, role }
  await appendEntries(tx, organisationId, [{ type: 'key.issued', agentId: organisationId, body }])
  await tx
    .insertInto('airworthy.operators')
    .values({
      organisation_id: organisationId,
      operator_id: operatorId,
      name,
      role,
      key_hash: hashKey(key),
      teams: [...(added.teams ?? [])],
      added_by: addedBy,
      // Who names people is trusted to name different ones, and that is an admin.
      person_id: adder === undefined || adder.role === 'admin' ? null : adder.personId,
    })
    .execute()
  return { operatorId, key }
}

/** All operators that count as one person, revoked ones too. */
export async function findPerson(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  personId: string,
): Promise<OperatorRow[]> {
  const rows = await selectOperators(db, organisationId)
    .where((is) => is.or([is('operator_id', '=', personId), is('person_id', '=', personId)]))
    .execute()
  return rows.map(operatorOf)
}

/** Those of the ids that there are. */
export async function findOperators(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  operatorIds: readonly string[],
): Promise<OperatorRow[]> {
  if (operatorIds.length === 0) return []
  const rows = await selectOperators(db, organisationId)
    .where('operator_id', 'in', operatorIds)
    .execute()
  return rows.map(operatorOf)
}

/** Call it inside a command. The names of teams are nobody's data, and stay outside the log. */
export async function setTeams(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  change: {
    readonly operatorId: string
    readonly teams: readonly string[]
    readonly by: string
  },
): Promise<void> {
  const { operatorId, teams, by } = change
  await appendEntries(tx, organisationId, [
    {
      type: 'operator.changed',
      agentId: organisationId,
      body: { by, operator: operatorId, teams: teams.length },
    },
  ])
  await tx
    .updateTable('airworthy.operators')
    .set({ teams: [...teams] })
    .where('organisation_id', '=', organisationId)
    .where('operator_id', '=', operatorId)
    .execute()
}

/** Revokes the key of an operator or launcher. Call it inside a command. */
export async function revokeOperator(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  operatorId: string,
): Promise<void> {
  const [entry] = await appendEntries(tx, organisationId, [
    { type: 'key.revoked', agentId: organisationId, body: { operator: operatorId } },
  ])
  await tx
    .updateTable('airworthy.operators')
    .set({ revoked_at: new Date(entry?.atMs ?? 0) })
    .where('organisation_id', '=', organisationId)
    .where('operator_id', '=', operatorId)
    .execute()
}

export type OperatorKeyFile = {
  /** The key in `<data directory>/operator.key`; undefined when there is no such file. */
  readonly read: () => Promise<string | undefined>
  /** Must be durable when it resolves. */
  readonly write: (key: string) => Promise<void>
}

/** `missing`: the first operator exists, but the file does not hold its key. */
export type EnsuredOperator = 'kept' | 'made' | 'replaced' | 'missing'

const firstOperatorName = 'operator'

/**
 * Makes the first operator, and its key file, when there is none. The file is written before the
 * row is committed: after a crash in between, the next start takes the key from the file. With
 * `isNewKey` the first operator's key is revoked and a new one is made.
 */
export async function ensureOperator(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  options: { readonly file: OperatorKeyFile; readonly isNewKey: boolean },
): Promise<EnsuredOperator> {
  const { file, isNewKey } = options
  return runCommand(db, organisationId, async (tx) => {
    const existing = await findActiveOperator(tx, organisationId, firstOperatorName)
    const kept = isNewKey ? undefined : await file.read()
    if (existing !== undefined && !isNewKey) {
      const owner =
        kept === undefined ? undefined : await findOperatorByKey(tx, organisationId, kept)
      return owner?.revokedAt === null ? 'kept' : 'missing'
    }
    // A key that was revoked must not come back to life because it still lies in the file.
    const isUsed =
      kept !== undefined && (await findOperatorByKey(tx, organisationId, kept)) !== undefined
    const key =
      kept === undefined || isUsed ? formatKey('operator', randomBytes(keyRandomBytes)) : kept
    if (key !== kept) await file.write(key)
    if (existing !== undefined) await revokeOperator(tx, organisationId, existing.operatorId)
    await insertOperator(tx, organisationId, { name: firstOperatorName, role: 'admin', key })
    return existing === undefined ? 'made' : 'replaced'
  })
}
