// GET /healthz: does the database answer, and how far are the clocks apart.
import type { Health } from '@airworthy/sdk'
import { sql } from 'kysely'
import { version } from '../core/version.ts'
import type { Database } from '../store/database.ts'
import type { Recorder } from '../store/recorder/recorder.ts'

export function createHealth(options: {
  db: Database
  recorder: Recorder
  isEmbedded: boolean
  isStopping: () => boolean
}): () => Promise<Health> {
  const { db, recorder, isEmbedded, isStopping } = options
  return async () => {
    const openCalls = recorder.openCallCount
    try {
      const sentAt = Date.now()
      const found = await sql<{ now_ms: string; version: string }>`
        SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms,
          current_setting('server_version') AS version`.execute(db)
      const row = found.rows[0]
      const clockSkewMs = Number(row?.now_ms ?? 0) - (sentAt + Date.now()) / 2
      const isRecording = recorder.replicaId !== undefined
      return {
        status: isStopping() ? 'stopping' : isRecording ? 'ok' : 'failing',
        version,
        database: {
          version: row?.version ?? '',
          embedded: isEmbedded,
          clockSkewMs: Math.round(clockSkewMs),
        },
        openCalls,
      }
    } catch {
      // That the database does not answer is what this reply says.
      return { status: 'failing', version, database: null, openCalls }
    }
  }
}
