// The last checkpoint that this machine signed, outside PostgreSQL: a database that was restored from
// a backup cannot make the log forget what it has said.
import { join } from 'node:path'
import { readOptional, writeDurably } from './directory-store.ts'

export type LastSigned = {
  /** The signed note; undefined where this machine has signed nothing of the log. */
  readonly read: (logId: bigint) => Promise<Buffer | undefined>
  /** Durable when it resolves. Throws `log.storage`. */
  readonly write: (logId: bigint, note: Uint8Array) => Promise<void>
}

export function openLastSigned(dataDir: string): LastSigned {
  const fileOf = (logId: bigint): string => join(dataDir, 'last-signed', `${logId}.checkpoint`)
  return {
    read: (logId) => readOptional(fileOf(logId)),
    write: (logId, note) => writeDurably(fileOf(logId), note),
  }
}
