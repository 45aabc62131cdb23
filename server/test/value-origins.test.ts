// What sessions have read, on a real PostgreSQL: bounded, written once a source, forgotten with its
// session.
import assert from 'node:assert/strict'
import { randomUUIDv7 } from 'node:crypto'
import { test } from 'node:test'
import { sql } from 'kysely'
import type { RememberedValues } from '../src/store/recorder/types.ts'
import {
  findKnownSources,
  forgetValuesOfClosedSessions,
  hasRoom,
  insertValueOrigins,
  listValueOrigins,
} from '../src/store/calls/value-origins.ts'
import { enrolDesk, startApi } from './api/api-server.ts'

function valuesOf(sessionId: string, more: Partial<RememberedValues> = {}): RememberedValues {
  return {
    sessionId,
    source: randomUUIDv7(),
    origins: ['web'],
    digests: Buffer.from('123456'),
    isEverything: false,
    ...more,
  }
}

test('a source is remembered once, and only for its own session', async () => {
  await using api = await startApi()
  const { db, organisationId } = api
  const [mine, theirs] = [randomUUIDv7(), randomUUIDv7()]
  const first = valuesOf(mine)
  await insertValueOrigins(db, organisationId, [first])
  await insertValueOrigins(db, organisationId, [{ ...first, origins: ['user'] }])
  assert.deepEqual(await listValueOrigins(db, organisationId, mine), [
    { origins: ['web'], digests: first.digests, isEverything: false },
  ])
  assert.deepEqual(await listValueOrigins(db, organisationId, theirs), [])
  const query = { sessionId: mine, sources: [first.source, randomUUIDv7()] }
  assert.deepEqual([...(await findKnownSources(db, organisationId, query))], [first.source])
})

test('a session has room for 2 MiB of digests, and no more', async () => {
  await using api = await startApi()
  const { db, organisationId } = api
  const sessionId = randomUUIDv7()
  const most = 2 * 1024 * 1024
  assert.equal(await hasRoom(db, organisationId, { sessionId, bytes: most }), true)
  await insertValueOrigins(db, organisationId, [valuesOf(sessionId)])
  assert.equal(await hasRoom(db, organisationId, { sessionId, bytes: most - 6 }), true)
  assert.equal(await hasRoom(db, organisationId, { sessionId, bytes: most - 5 }), false)
})

test('what a closed session has read is forgotten, that of an open one is not', async () => {
  await using api = await startApi()
  const { db, organisationId } = api
  await enrolDesk(api)
  const open = await api.client.openSession({ agent: 'desk' })
  const closed = await api.client.openSession({ agent: 'desk' })
  const ids = [open.session.id, closed.session.id]
  await insertValueOrigins(
    db,
    organisationId,
    ids.flatMap((id) => [valuesOf(id), valuesOf(id)]),
  )
  await api.client.closeSession(closed.session.id)
  await forgetValuesOfClosedSessions(db, organisationId, 1)
  const left = sql<{ session_id: string }>`SELECT session_id FROM airworthy.value_origins`
  assert.equal((await left.execute(db)).rows.length, 3)
  await forgetValuesOfClosedSessions(db, organisationId, 10)
  const rows = (await left.execute(db)).rows.map((row) => row.session_id)
  assert.deepEqual(rows, [open.session.id, open.session.id])
})
