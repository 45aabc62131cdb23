// API keys of agents, and the keys of sessions: made here, shown once, stored as hashes.
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { AirworthyError } from '../../core/errors.ts'
import {
  formatKey,
  hashKey,
  keyPrefix,
  keyRandomBytes,
  type KeyScope,
  parseScopes,
} from '../../core/identity/key.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { findAgentKey, isAgentKeyLive } from './agent-keys.ts'
import { findIdentity } from './identities.ts'
import { appendEntries } from '../log/log.ts'
import type { Schema } from '../schema/schema.ts'

export type ApiKey = {
  readonly apiKeyId: string
  readonly prefix: string
  /** Of the agent's public key that has to sign what comes with the key; null: none has to. */
  readonly thumbprint: string | null
  readonly scopes: readonly KeyScope[]
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
}

const keysOfAgentMax = 1_000

export function makeKey(kind: 'agent' | 'session'): { key: string; keyHash: Buffer } {
  const key = formatKey(kind, randomBytes(keyRandomBytes))
  return { key, keyHash: hashKey(key) }
}

export type KeyTerms = {
  /** Binds the key to the agent's public key of this thumbprint. */
  readonly thumbprint?: string | undefined
  /** Everything that the agent may do, when not given. */
  readonly scopes?: readonly KeyScope[] | undefined
  readonly expiresAt?: Date | null | undefined
}

/**
 * Makes one more API key of the agent. Call it inside a command. Throws `request.not_found` when the
 * key is to be bound to one that the agent does not have, or has no more; `identity.deactivated`.
 */
export async function issueApiKey(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  agentId: string,
  terms: KeyTerms = {},
): Promise<{ apiKeyId: string; key: string }> {
  const { thumbprint, scopes = ['call'], expiresAt = null } = terms
  await checkActive(tx, organisationId, agentId)
  if (thumbprint !== undefined) await checkBinding(tx, organisationId, { agentId, thumbprint })
  const apiKeyId = randomUUIDv7()
  const { key, keyHash } = makeKey('agent')
  const prefix = keyPrefix(key)
  await appendEntries(tx, organisationId, [
    { type: 'key.issued', agentId, body: { key: apiKeyId, keyid: thumbprint, prefix } },
  ])
  await tx
    .insertInto('airworthy.api_keys')
    .values({
      organisation_id: organisationId,
      api_key_id: apiKeyId,
      agent_id: agentId,
      prefix,
      key_hash: keyHash,
      thumbprint: thumbprint ?? null,
      scopes: [...scopes],
      expires_at: expiresAt,
    })
    .execute()
  return { apiKeyId, key }
}

/** An agent whose DID is deactivated is gone for good. */
async function checkActive(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  agentId: string,
): Promise<void> {
  const identity = await findIdentity(tx, organisationId, agentId)
  if (identity?.isDeactivated !== true) return
  throw new AirworthyError('identity.deactivated', "the agent's DID is deactivated")
}

async function checkBinding(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  to: { readonly agentId: string; readonly thumbprint: string },
): Promise<void> {
  const found = await findAgentKey(tx, organisationId, to.thumbprint)
  if (found?.agentId === to.agentId && isAgentKeyLive(found, Date.now())) return
  throw new AirworthyError('request.not_found', `the agent has no live key ${to.thumbprint}`)
}

/**
 * Makes a key with the terms of another, which goes on working until `overlapUntil`, or until its own
 * end when that is sooner. Call it inside a command. Undefined when the agent has no such live key.
 */
export async function rotateApiKey(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  of: {
    readonly agentId: string
    readonly apiKeyId: string
    readonly overlapUntil: Date
    /** Of the new key. */
    readonly expiresAt: Date | null
  },
): Promise<{ apiKeyId: string; key: string } | undefined> {
  const { agentId, overlapUntil, expiresAt } = of
  const [found] = await listApiKeys(tx, organisationId, of)
  if (found === undefined || found.revokedAt !== null) return undefined
  const { scopes, thumbprint } = found
  const terms = { scopes, expiresAt, ...(thumbprint === null ? {} : { thumbprint }) }
  const issued = await issueApiKey(tx, organisationId, agentId, terms)
  const until = Math.min(overlapUntil.getTime(), found.expiresAt?.getTime() ?? Infinity)
  await tx
    .updateTable('airworthy.api_keys')
    .set({ expires_at: new Date(until) })
    .where('organisation_id', '=', organisationId)
    .where('api_key_id', '=', of.apiKeyId)
    .execute()
  return issued
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
    .select([
      'api_key_id',
      'prefix',
      'thumbprint',
      'scopes',
      'created_at',
      'expires_at',
      'revoked_at',
    ])
    .where('organisation_id', '=', organisationId)
    .where('agent_id', '=', of.agentId)
  if (of.apiKeyId !== undefined) query = query.where('api_key_id', '=', of.apiKeyId)
  const rows = await query.orderBy('api_key_id', 'desc').limit(keysOfAgentMax).execute()
  return rows.map((row) => ({
    apiKeyId: row.api_key_id,
    prefix: row.prefix,
    thumbprint: row.thumbprint,
    scopes: parseScopes(row.scopes),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
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
