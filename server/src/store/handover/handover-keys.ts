// In whose name a person acts in the agent's stead: calls name an API key, and this is the agent's.
import { sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'

/** The key of the session's newest call, else the agent's newest. It need not be good any more. */
export async function findKeyOfSession(
  db: Database,
  organisationId: OrganisationId,
  session: { readonly sessionId: string; readonly agentId: string },
): Promise<string | undefined> {
  const found = await sql<{ api_key_id: string }>`SELECT coalesce(
      (SELECT i.api_key_id FROM airworthy.call_intents i WHERE i.organisation_id = ${organisationId}
        AND i.session_id = ${session.sessionId} ORDER BY i.call_id DESC LIMIT 1),
      (SELECT k.api_key_id FROM airworthy.api_keys k WHERE k.organisation_id = ${organisationId}
        AND k.agent_id = ${session.agentId} ORDER BY k.api_key_id DESC LIMIT 1)) AS api_key_id`.execute(
    db,
  )
  return found.rows[0]?.api_key_id ?? undefined
}
