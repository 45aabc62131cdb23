// Pacts as they were activated: the manifest's text and the tool schemas it was checked against.
import { AirworthyError } from '../core/errors.ts'
import type { OrganisationId } from '../core/ids.ts'
import type { ToolSchemas } from '../core/pact/compiled.ts'
import type { Database } from './database.ts'

export async function findPact(
  db: Database,
  organisationId: OrganisationId,
  pactId: string,
): Promise<{ manifest: string; toolSchemas: ToolSchemas }> {
  const row = await db
    .selectFrom('airworthy.pacts')
    .select(['manifest', 'tool_schemas'])
    .where('organisation_id', '=', organisationId)
    .where('pact_id', '=', pactId)
    .executeTakeFirst()
  if (row === undefined) throw new AirworthyError('agent.unknown', 'the pact does not exist')
  return { manifest: row.manifest, toolSchemas: parseToolSchemas(row.tool_schemas) }
}

/** The newest pact of a version: an emergency rule reaches sessions that are open. */
export async function findActivePactId(
  db: Database,
  organisationId: OrganisationId,
  session: { agentId: string; versionId: string },
): Promise<string> {
  const row = await db
    .selectFrom('airworthy.pacts')
    .select('pact_id')
    .where('organisation_id', '=', organisationId)
    .where('agent_id', '=', session.agentId)
    .where('version_id', '=', session.versionId)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (row === undefined) throw new AirworthyError('agent.unknown', 'the agent has no pact')
  return row.pact_id
}

/** The column is written by enrolment only, from schemas that were checked. */
function parseToolSchemas(value: unknown): ToolSchemas {
  if (isToolSchemas(value)) return value
  throw new TypeError('tool_schemas holds no schemas by tool')
}

function isToolSchemas(value: unknown): value is ToolSchemas {
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).every(
    (schema: unknown) =>
      typeof schema === 'object' && schema !== null && Object.hasOwn(schema, 'inputSchema'),
  )
}
