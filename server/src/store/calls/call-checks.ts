// What results were held against, by call.
import { z } from 'zod'
import type { Check } from '../../core/effect/check.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'

const checksSchema = z.array(z.object({ id: z.string(), holds: z.boolean(), reason: z.string() }))

/** Undefined where nothing was asked of the result. */
export async function findCallChecks(
  db: Database,
  organisationId: OrganisationId,
  callId: string,
): Promise<Check[] | undefined> {
  const row = await db
    .selectFrom('airworthy.call_checks')
    .select('checks')
    .where('organisation_id', '=', organisationId)
    .where('call_id', '=', callId)
    .executeTakeFirst()
  return row === undefined ? undefined : checksSchema.parse(row.checks)
}
