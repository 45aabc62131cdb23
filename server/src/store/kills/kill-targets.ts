// What a kill may name: a version, by its id or by its agent and number.
import { sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'

/** Whether an agent's newest pact has enrolled the tool `server/tool`, or one of `server/*`. */
export async function isToolEnrolled(
  db: Database,
  organisationId: OrganisationId,
  name: string,
): Promise<boolean> {
  const server = name.endsWith('/*') ? name.slice(0, -1) : undefined
  const found = await sql<{ is_enrolled: boolean }>`SELECT EXISTS (
    SELECT FROM airworthy.agents a
    JOIN airworthy.pacts p ON p.organisation_id = a.organisation_id AND p.pact_id = a.pact_id
    WHERE a.organisation_id = ${organisationId} AND (jsonb_exists(p.tool_schemas, ${name})
      OR EXISTS (SELECT FROM jsonb_object_keys(p.tool_schemas) AS k(tool)
        WHERE starts_with(k.tool, ${server ?? null}::text)))) AS is_enrolled`.execute(db)
  return found.rows[0]?.is_enrolled === true
}

const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The id of the version; undefined where there is none. */
export async function findVersionId(
  db: Database,
  organisationId: OrganisationId,
  named: { readonly versionId: string } | { readonly agentId: string; readonly number: number },
): Promise<string | undefined> {
  let query = db
    .selectFrom('airworthy.agent_versions')
    .select('version_id')
    .where('organisation_id', '=', organisationId)
  if ('versionId' in named) {
    if (!uuidPattern.test(named.versionId)) return undefined
    query = query.where('version_id', '=', named.versionId)
  } else {
    if (!Number.isSafeInteger(named.number) || named.number > 2 ** 31 - 1) return undefined
    query = query.where('agent_id', '=', named.agentId).where('number', '=', named.number)
  }
  return (await query.executeTakeFirst())?.version_id
}
