// Stops the log where a test wants it: whoever holds the head's lock keeps every intent and every
// outcome from becoming durable.
import { Client } from 'pg'
import { until } from './until.ts'

export type LockedLog = {
  /** Resolves when the server's recorder waits for the lock. */
  readonly awaited: () => Promise<void>
  readonly release: () => Promise<void>
} & AsyncDisposable

export async function lockLog(databaseUrl: string): Promise<LockedLog> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query('BEGIN')
  await client.query('SELECT 1 FROM airworthy.logs FOR UPDATE')
  let isHeld = true
  const release = async (): Promise<void> => {
    if (!isHeld) return
    isHeld = false
    await client.query('COMMIT')
    await client.end()
  }
  return { awaited: () => awaitRecorder(client), release, [Symbol.asyncDispose]: release }
}

async function awaitRecorder(client: Client): Promise<void> {
  await until('the recorder to wait for the lock', async () => {
    const found = await client.query(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
        AND application_name = 'airworthy-recorder' AND wait_event_type = 'Lock'`,
    )
    return found.rows.length > 0
  })
}
