// Whom a budget is for, as people name them and as ledgers know them.
import { type Kysely, sql } from 'kysely'
import type { PolicyScope } from '../../core/budget/policy.ts'
import { isUuid, type OrganisationId } from '../../core/ids.ts'
import { findAgent } from '../agents.ts'
import type { KnownPolicy } from './budget-policy-rows.ts'
import type { Schema } from '../schema/schema.ts'

/**
 * The subject as a budget keeps it: the id of an agent (given by id or name), of a version (by id, or
 * as `name v2`), of a session; else the name as it is. Undefined where there is none of that name. A
 * team or user may be named before its first agent or session is there.
 */
export async function findSubject(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly scope: PolicyScope; readonly name: string },
): Promise<string | undefined> {
  const { scope, name } = of
  if (scope === 'team' || scope === 'user') return name
  if (scope === 'agent') return (await findAgent(db, organisationId, name))?.agentId
  if (scope === 'version') return findVersionId(db, organisationId, name)
  if (scope === 'session' && isUuid(name)) return findSessionId(db, organisationId, name)
  return undefined
}

async function findVersionId(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  name: string,
): Promise<string | undefined> {
  const found = await sql<{ version_id: string }>`
    SELECT v.version_id FROM airworthy.agent_versions v
    JOIN airworthy.agents a USING (organisation_id, agent_id)
    WHERE v.organisation_id = ${organisationId}
      AND (v.version_id::text = ${name} OR a.name || ' v' || v.number = ${name})
    LIMIT 1`.execute(db)
  return found.rows[0]?.version_id
}

async function findSessionId(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  sessionId: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('airworthy.sessions')
    .select('session_id')
    .where('organisation_id', '=', organisationId)
    .where('session_id', '=', sessionId)
    .executeTakeFirst()
  return row?.session_id
}

/** Names of the subjects that budgets keep as ids, by that id. */
export async function nameSubjects(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  policies: readonly Pick<KnownPolicy, 'scope' | 'subject'>[],
): Promise<ReadonlyMap<string, string>> {
  const subjects = (scope: PolicyScope): string[] =>
    policies.flatMap((policy) => (policy.scope === scope ? (policy.subject ?? []) : []))
  const [agents, versions] = [subjects('agent'), subjects('version')]
  if (agents.length + versions.length === 0) return new Map()
  const found = await sql<{ id: string; name: string }>`
    SELECT a.agent_id AS id, a.name FROM airworthy.agents a
    WHERE a.organisation_id = ${organisationId} AND a.agent_id = ANY(${agents}::uuid[])
    UNION ALL
    SELECT v.version_id, a.name || ' v' || v.number FROM airworthy.agent_versions v
    JOIN airworthy.agents a USING (organisation_id, agent_id)
    WHERE v.organisation_id = ${organisationId}
      AND v.version_id = ANY(${versions}::uuid[])`.execute(db)
  return new Map(found.rows.map((row) => [row.id, row.name]))
}
