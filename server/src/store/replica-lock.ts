// Whether a gateway process lives: it holds an advisory lock on its recorder's connection.

/** A condition in SQL: somebody holds the lock whose key stands in this column. */
export function isLockHeld(column: string): string {
  return `EXISTS (SELECT 1 FROM pg_locks k WHERE k.locktype = 'advisory' AND k.granted
    AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND k.objsubid = 1 AND (k.classid::bigint << 32) | k.objid::bigint = ${column})`
}
