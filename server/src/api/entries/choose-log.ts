// Which shard of the log is read.
import type { Kysely } from 'kysely'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { findShard } from '../../store/log/checkpoints.ts'
import { findLog, type LogHead } from '../../store/log/entries.ts'
import type { Schema } from '../../store/schema/schema.ts'
import { requireEntries } from '../../store/log/shard-deletions.ts'

/**
 * The shard with this id; without one the open shard, undefined while there is none. Throws
 * `request.not_found`, `log.shard_deleted`.
 */
export async function chooseLog(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  logId: string | undefined,
): Promise<LogHead | undefined> {
  if (logId === undefined) return findLog(db, organisationId)
  const shard = await findShard(db, organisationId, { logId })
  if (shard === undefined) throw new AirworthyError('request.not_found', `there is no log ${logId}`)
  const { size } = await requireEntries(db, organisationId, shard)
  return { logId, size: String(size) }
}
