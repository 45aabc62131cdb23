import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { createTestDatabase } from '../../test/database.ts'
import { openDatabase } from './database.ts'

test('a connection that is lost between two statements fails the next one, and not the process', async () => {
  await using database = await createTestDatabase()
  const { db, close } = openDatabase({ url: database.url, poolMax: 2 })
  try {
    await assert.rejects(
      db.transaction().execute(async (tx) => {
        const found = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(tx)
        const pid = found.rows[0]?.pid
        // Waits until the backend is gone: then the client has no statement under way.
        await sql`SELECT pg_terminate_backend(${pid}, 10000)`.execute(db)
        await new Promise((resolve) => setTimeout(resolve, 50))
        await sql`SELECT 1`.execute(tx)
      }),
    )
    const again = await sql<{ one: number }>`SELECT 1 AS one`.execute(db)
    assert.equal(again.rows[0]?.one, 1, 'the pool connects again')
  } finally {
    await close()
  }
})
