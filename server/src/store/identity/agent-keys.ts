// Public keys of agents. The private halves are the agents' alone: nothing here could sign for one.
import type { Kysely } from 'kysely'
import { AirworthyError } from '../../core/errors.ts'
import { jwkOf, parseJwk, type PublicKey, thumbprintOf } from '../../core/identity/public-key.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { appendEntries } from '../log/log.ts'
import type { Schema } from '../schema/schema.ts'

export type AgentKey = {
  readonly thumbprint: string
  readonly agentId: string
  readonly key: PublicKey
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
}

const liveKeysMax = 20
const keysOfAgentMax = 1_000

function selectKeys(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.agent_keys')
    .selectAll()
    .where('organisation_id', '=', organisationId)
}

type SelectedKey = Awaited<ReturnType<ReturnType<typeof selectKeys>['execute']>>[number]

function keyOf(row: SelectedKey): AgentKey {
  return {
    thumbprint: row.thumbprint,
    agentId: row.agent_id,
    key: parseJwk(row.jwk),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  }
}

/** The key of this thumbprint, revoked or not; undefined when no agent enrolled it. */
export async function findAgentKey(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  thumbprint: string,
): Promise<AgentKey | undefined> {
  const row = await selectKeys(db, organisationId)
    .where('thumbprint', '=', thumbprint)
    .executeTakeFirst()
  return row === undefined ? undefined : keyOf(row)
}

/** Whether the agent ever enrolled a key, revoked ones too. */
export async function hasAgentKey(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  agentId: string,
): Promise<boolean> {
  const row = await db
    .selectFrom('airworthy.agent_keys')
    .select('thumbprint')
    .where('organisation_id', '=', organisationId)
    .where('agent_id', '=', agentId)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** The agent's keys, newest first, revoked ones too. */
export async function listAgentKeys(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  agentId: string,
): Promise<AgentKey[]> {
  const rows = await selectKeys(db, organisationId)
    .where('agent_id', '=', agentId)
    .orderBy('created_at', 'desc')
    .orderBy('thumbprint')
    .limit(keysOfAgentMax)
    .execute()
  return rows.map(keyOf)
}

export function isAgentKeyLive(key: AgentKey, nowMs: number): boolean {
  return key.revokedAt === null && (key.expiresAt === null || key.expiresAt.getTime() > nowMs)
}

/**
 * Enrols a public key, which must have been found safe. The same key of the same agent again changes
 * nothing. Throws `identity.key_taken` when it is another agent's, or was revoked; `request.invalid`
 * when the agent has 20 live ones. Call it inside a command.
 */
export async function addAgentKey(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  added: { readonly agentId: string; readonly key: PublicKey; readonly expiresAt: Date | null },
): Promise<AgentKey> {
  const { agentId, key, expiresAt } = added
  const thumbprint = thumbprintOf(key)
  const found = await findAgentKey(tx, organisationId, thumbprint)
  if (found !== undefined) {
    if (found.agentId === agentId && found.revokedAt === null) return found
    const message = 'the key is enrolled for another agent, or was revoked; make a new pair'
    throw new AirworthyError('identity.key_taken', message)
  }
  await checkCount(tx, organisationId, agentId)
  const [entry] = await appendEntries(tx, organisationId, [
    { type: 'agent_key.added', agentId, body: { algorithm: key.algorithm, keyid: thumbprint } },
  ])
  await tx
    .insertInto('airworthy.agent_keys')
    .values({
      organisation_id: organisationId,
      thumbprint,
      agent_id: agentId,
      algorithm: key.algorithm,
      jwk: JSON.stringify(jwkOf(key)),
      created_at: new Date(entry?.atMs ?? 0),
      expires_at: expiresAt,
    })
    .execute()
  const made = await findAgentKey(tx, organisationId, thumbprint)
  if (made === undefined) throw new Error('a key that was just added cannot be read')
  return made
}

async function checkCount(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  agentId: string,
): Promise<void> {
  const live = await selectKeys(tx, organisationId)
    .where('agent_id', '=', agentId)
    .where('revoked_at', 'is', null)
    .limit(liveKeysMax)
    .execute()
  if (live.length < liveKeysMax) return
  throw new AirworthyError('request.invalid', `the agent has ${liveKeysMax} keys; revoke one first`)
}

/**
 * Revokes a key, and with it every API key that is bound to it. Again it changes nothing. Undefined
 * when the agent has no such key. Call it inside a command.
 */
export async function revokeAgentKey(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly agentId: string; readonly thumbprint: string },
): Promise<AgentKey | undefined> {
  const { agentId, thumbprint } = of
  const found = await findAgentKey(tx, organisationId, thumbprint)
  if (found?.agentId !== agentId) return undefined
  if (found.revokedAt !== null) return found
  const [entry] = await appendEntries(tx, organisationId, [
    { type: 'agent_key.revoked', agentId, body: { keyid: thumbprint } },
  ])
  const revokedAt = new Date(entry?.atMs ?? 0)
  await tx
    .updateTable('airworthy.agent_keys')
    .set({ revoked_at: revokedAt })
    .where('organisation_id', '=', organisationId)
    .where('thumbprint', '=', thumbprint)
    .execute()
  await tx
    .updateTable('airworthy.api_keys')
    .set({ revoked_at: revokedAt })
    .where('organisation_id', '=', organisationId)
    .where('agent_id', '=', agentId)
    .where('thumbprint', '=', thumbprint)
    .where('revoked_at', 'is', null)
    .execute()
  return { ...found, revokedAt }
}
