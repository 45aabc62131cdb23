// API keys of agents, and the keys of sessions: made here, shown once, stored as hashes.
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { formatKey, hashKey, keyPrefix, keyRandomBytes } from '../core/identity/key.ts'
import type { OrganisationId } from '../core/ids.ts'
import { appendEntries } from './log.ts'
import type { Schema } from './schema.ts'

export type ApiKey = {
  readonly apiKeyId: string
  readonly prefix: string
  readonly createdAt: Date
  readonly revokedAt: Date | null
}

const keysOfAgentMax = 1_000

export function makeKey(kind: 'agent' | 'session'): { key: string; keyHash: Buffer } {
  const key = formatKey(kind, randomBytes(keyRandomBytes))
  return { key, keyHash: hashKey(key) }
}

/** Makes one more API key of the agent. Call it inside a command. */
export async function issueApiKey(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  agentId: string,
): Promise<{ apiKeyId: string; key: string }> {
  const apiKeyId = randomUUIDv7()
  const { key, keyHash } = makeKey('agent')
  const prefix = keyPrefix(key)
  await appendEntries(tx, organisationId, [
    { type: 'key.issued', agentId, body: { key: apiKeyId, prefix } },
  ])
  await tx
    .insertInto('airworthy.api_keys')
    .values({
      organisation_id: organisationId,
      api_key_id: apiKeyId,
      agent_id: agentId,
      prefix,
      key_hash: keyHash,
    })
    .execute()
  return { apiKeyId, key }
}

/** Revokes a key. Revoking it again changes nothing. Undefined when the agent has no such key. */
export async function revokeApiKey(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  key: { readonly agentId: string; readonly apiKeyId: string },
): Promise<ApiKey | undefined> {
  const [found] = await listApiKeys(tx, organisationId, key)
  if (found === undefined || found.revokedAt !== null) return found
  const [entry] = await appendEntries(tx, organisationId, [
    { type: 'key.revoked', agentId: key.agentId, body: { key: key.apiKeyId } },
  ])
  const revokedAt = new Date(entry?.atMs ?? 0)
  await tx
    .updateTable('airworthy.api_keys')
    .set({ revoked_at: revokedAt })
    .where('organisation_id', '=', organisationId)
    .where('api_key_id', '=', key.apiKeyId)
    .execute()
  return { ...found, revokedAt }
}

/** The agent's keys, newest first, revoked ones too; or the one that is named. */
export async function listApiKeys(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly agentId: string; readonly apiKeyId?: string },
): Promise<ApiKey[]> {
  let query = db
    .selectFrom('airworthy.api_keys')
    .select(['api_key_id', 'prefix', 'created_at', 'revoked_at'])
    .where('organisation_id', '=', organisationId)
    .where('agent_id', '=', of.agentId)
  if (of.apiKeyId !== undefined) query = query.where('api_key_id', '=', of.apiKeyId)
  const rows = await query.orderBy('api_key_id', 'desc').limit(keysOfAgentMax).execute()
  return rows.map((row) => ({
    apiKeyId: row.api_key_id,
    prefix: row.prefix,
    createdAt: row.created_at,
    revokedAt: row.revoked_at,
  }))
}

/** Whether the key still opens anything. Calls ask this under the lock; lists ask it here. */
export async function isKeyLive(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  apiKeyId: string,
): Promise<boolean> {
  const row = await db
    .selectFrom('airworthy.api_keys')
    .select('api_key_id')
    .where('organisation_id', '=', organisationId)
    .where('api_key_id', '=', apiKeyId)
    .where('revoked_at', 'is', null)
    .where(sql<boolean>`(expires_at IS NULL OR expires_at > clock_timestamp())`)
    .executeTakeFirst()
  return row !== undefined
}
