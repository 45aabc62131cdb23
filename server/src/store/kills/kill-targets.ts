// What a kill may name: a version, by its id or by its agent and number.
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'

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
