// The connection pool. A wait for a connection, a statement and an idle transaction are bounded.
import { Kysely, PostgresDialect } from 'kysely'
import { Pool } from 'pg'
import { outliveConnections } from './lost-connections.ts'
import type { Schema } from './schema/schema.ts'

export type Database = Kysely<Schema>

export type OpenedDatabase = { readonly db: Database; readonly close: () => Promise<void> }

const connectTimeoutMs = 10_000
const statementTimeoutMs = 60_000
const idleInTransactionTimeoutMs = 30_000

/** Opens a pool; the first query connects. `onLost` hears of idle connections that broke. */
export function openDatabase(options: {
  readonly url: string
  readonly poolMax: number
  readonly onLost?: (error: Error) => void
}): OpenedDatabase {
  const pool = new Pool({
    connectionString: options.url,
    max: options.poolMax,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
    application_name: 'airworthy',
  })
  // Without a listener a PostgreSQL that stops would end the process; the pool itself drops the
  // connection, and the next query connects again or fails its own request.
  // While it closes, a PostgreSQL that stops right after it may still end connections itself.
  let isClosing = false
  pool.on('error', (error) => {
    if (!isClosing) options.onLost?.(error)
  })
  outliveConnections(pool)
  const db: Database = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) })
  const close = (): Promise<void> => {
    isClosing = true
    return db.destroy()
  }
  return { db, close }
}
