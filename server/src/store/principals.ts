// Who a key belongs to, and the session it may speak in. What is read here never changes; whether
// a key is revoked or a session closed is asked again under the lock, when the call is decided.
import { randomUUIDv7 } from 'node:crypto'
import { defaultSessionTask } from '../core/decision/task.ts'
import { stableDid } from '../core/identity/did-web.ts'
import { hashKey, type KeyScope, parseScopes } from '../core/identity/key.ts'
import type { OrganisationId } from '../core/ids.ts'
import type { CompiledLimit } from '../core/pact/compiled.ts'
import { budgetLimitsOf, insertLedger } from './budgets/budgets.ts'
import type { Database } from './database.ts'
import { appendEntries } from './log/log.ts'
import { parseScope } from './session-scope.ts'
import type { Principal } from './recorder/types.ts'
import { runCommand } from './transaction.ts'

export type KeyHolder = {
  readonly apiKeyId: string
  readonly agentId: string
  readonly agentName: string
  readonly stakes: Principal['stakes']
  readonly did: string | undefined
  readonly scopes: readonly KeyScope[]
  /** Of the signing key that the API key is bound to; the key alone is then worth nothing. */
  readonly thumbprint: string | undefined
}

export async function findKeyHolder(
  db: Database,
  organisationId: OrganisationId,
  key: string,
): Promise<KeyHolder | undefined> {
  const row = await db
    .selectFrom('airworthy.api_keys as k')
    .innerJoin('airworthy.agents as a', (join) =>
      join
        .onRef('a.organisation_id', '=', 'k.organisation_id')
        .onRef('a.agent_id', '=', 'k.agent_id'),
    )
    .leftJoin('airworthy.identities as i', (join) =>
      join
        .onRef('i.organisation_id', '=', 'a.organisation_id')
        .onRef('i.subject_id', '=', 'a.agent_id'),
    )
    .select([
      'k.api_key_id',
      'k.thumbprint',
      'k.scopes',
      'a.agent_id',
      'a.name',
      'a.stakes',
      'i.did',
    ])
    .where('k.organisation_id', '=', organisationId)
    .where('k.key_hash', '=', hashKey(key))
    .executeTakeFirst()
  if (row === undefined) return undefined
  return {
    apiKeyId: row.api_key_id,
    agentId: row.agent_id,
    agentName: row.name,
    stakes: row.stakes,
    thumbprint: row.thumbprint ?? undefined,
    did: row.did === null ? undefined : stableDid(row.did),
    scopes: parseScopes(row.scopes),
  }
}

export type SessionOfKey = Omit<Principal, keyof KeyHolder> & { readonly agentId: string }

const sessionColumns = [
  'session_id',
  'agent_id',
  'version_id',
  'task',
  'end_user',
  'mode',
  'model_base_url',
  'scope',
] as const

export async function findSessionByKey(
  db: Database,
  organisationId: OrganisationId,
  sessionKey: string,
): Promise<SessionOfKey | undefined> {
  const row = await db
    .selectFrom('airworthy.sessions')
    .select(sessionColumns)
    .where('organisation_id', '=', organisationId)
    .where('key_hash', '=', hashKey(sessionKey))
    .executeTakeFirst()
  return row && sessionOfRow(row)
}

async function findSessionById(
  db: Database,
  organisationId: OrganisationId,
  sessionId: string,
): Promise<SessionOfKey | undefined> {
  const row = await db
    .selectFrom('airworthy.sessions')
    .select(sessionColumns)
    .where('organisation_id', '=', organisationId)
    .where('session_id', '=', sessionId)
    .executeTakeFirst()
  return row && sessionOfRow(row)
}

function sessionOfRow(row: {
  session_id: string
  agent_id: string
  version_id: string
  task: string
  end_user: string
  mode: 'enforce' | 'observe'
  model_base_url: string | null
  scope: unknown
}): SessionOfKey {
  return {
    sessionId: row.session_id,
    agentId: row.agent_id,
    versionId: row.version_id,
    task: row.task,
    endUser: row.end_user,
    mode: row.mode,
    modelBaseUrl: row.model_base_url ?? undefined,
    scope: parseScope(row.scope),
  }
}

/** The single default session of a key, opened at its first call without a session. */
export async function findOrOpenDefaultSession(
  db: Database,
  organisationId: OrganisationId,
  options: { holder: KeyHolder; limitsOf: (pactId: string) => Promise<CompiledLimit> },
): Promise<SessionOfKey> {
  const { holder } = options
  const found = await findDefault(db, organisationId, holder.apiKeyId)
  if (found !== undefined) return found
  const agent = await db
    .selectFrom('airworthy.agents')
    .select(['version_id', 'pact_id'])
    .where('organisation_id', '=', organisationId)
    .where('agent_id', '=', holder.agentId)
    .executeTakeFirstOrThrow()
  const limits = await options.limitsOf(agent.pact_id)
  return runCommand(db, organisationId, async (tx) => {
    const raced = await findDefault(tx, organisationId, holder.apiKeyId)
    if (raced !== undefined) return raced
    const sessionId = randomUUIDv7()
    await appendEntries(tx, organisationId, [
      {
        type: 'session.opened',
        agentId: holder.agentId,
        versionId: agent.version_id,
        pactId: agent.pact_id,
        sessionId,
        body: { key: holder.apiKeyId, mode: 'enforce' },
      },
    ])
    await tx
      .insertInto('airworthy.sessions')
      .values({
        organisation_id: organisationId,
        session_id: sessionId,
        agent_id: holder.agentId,
        version_id: agent.version_id,
        pact_id: agent.pact_id,
        api_key_id: holder.apiKeyId,
        task: defaultSessionTask,
        end_user: `key:${holder.apiKeyId}`,
        mode: 'enforce',
      })
      .execute()
    await insertLedger(tx, organisationId, {
      scope: 'session',
      scopeId: sessionId,
      limits: budgetLimitsOf(limits),
    })
    const opened = await findDefault(tx, organisationId, holder.apiKeyId)
    if (opened === undefined) throw new Error('the default session is not there after its insert')
    return opened
  })
}

async function findDefault(
  db: Database,
  organisationId: OrganisationId,
  apiKeyId: string,
): Promise<SessionOfKey | undefined> {
  const row = await db
    .selectFrom('airworthy.sessions')
    .select(sessionColumns)
    .where('organisation_id', '=', organisationId)
    .where('api_key_id', '=', apiKeyId)
    .executeTakeFirst()
  return row && sessionOfRow(row)
}

/** The principal of a call that was recorded before. */
export async function findPrincipal(
  db: Database,
  organisationId: OrganisationId,
  call: { sessionId: string; apiKeyId: string },
): Promise<Principal | undefined> {
  const row = await db
    .selectFrom('airworthy.api_keys as k')
    .innerJoin('airworthy.agents as a', (join) =>
      join
        .onRef('a.organisation_id', '=', 'k.organisation_id')
        .onRef('a.agent_id', '=', 'k.agent_id'),
    )
    .leftJoin('airworthy.identities as i', (join) =>
      join
        .onRef('i.organisation_id', '=', 'a.organisation_id')
        .onRef('i.subject_id', '=', 'a.agent_id'),
    )
    .select(['a.name', 'a.stakes', 'i.did'])
    .where('k.organisation_id', '=', organisationId)
    .where('k.api_key_id', '=', call.apiKeyId)
    .executeTakeFirst()
  const session = await findSessionById(db, organisationId, call.sessionId)
  if (row === undefined || session === undefined) return undefined
  const { name: agentName, stakes, did } = row
  return {
    ...session,
    apiKeyId: call.apiKeyId,
    agentName,
    stakes,
    did: did === null ? undefined : stableDid(did),
  }
}
