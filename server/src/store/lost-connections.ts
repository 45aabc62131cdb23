// Connections that PostgreSQL takes away.
import type { Pool } from 'pg'

/**
 * A pool hears of its idle connections, and a statement of its own. Between two statements of one
 * transaction nobody listens: without this, a PostgreSQL that stops then would end the process. The
 * next statement on such a connection fails, and the pool drops it.
 */
export function outliveConnections(pool: Pool): void {
  pool.on('connect', (client) => client.on('error', () => undefined))
}
