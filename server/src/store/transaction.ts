// One command of the control API is one transaction.
import type { Kysely } from 'kysely'
import type { OrganisationId } from '../core/ids.ts'
import type { Database } from './database.ts'
import { lockLog } from './log/log.ts'
import type { Schema } from './schema/schema.ts'

/**
 * Runs a command. The log's head is locked first, before anything is read: commands of one
 * organisation follow one another, so what `work` reads is still true when it writes, and the one
 * order of locking rules out deadlock with the gateway's batches. `work` must not wait for
 * anything but the database.
 */
export function runCommand<Result>(
  db: Database,
  organisationId: OrganisationId,
  work: (tx: Kysely<Schema>) => Promise<Result>,
): Promise<Result> {
  return db.transaction().execute(async (tx) => {
    await lockLog(tx, organisationId)
    return work(tx)
  })
}
