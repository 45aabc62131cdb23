import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { sql } from 'kysely'
import { leafHash } from '../../../src/core/audit/entry.ts'
import { type ApiServer, ask, enrolDesk, startApi } from '../api-server.ts'
import { insertHeldCall } from '../gateway-rows.ts'

let api: ApiServer
before(async () => {
  api = await startApi()
  await enrolDesk(api)
})
after(() => api[Symbol.asyncDispose]())

test('reads the log a page at a time, without a gap', async () => {
  await Promise.all(Array.from({ length: 10 }, () => api.client.openSession({ agent: 'desk' })))
  const seqs: string[] = []
  let next: string | null = null
  do {
    const page: Awaited<ReturnType<typeof api.client.listEntries>> = await api.client.listEntries({
      limit: 3,
      ...(next === null ? {} : { after: next }),
    })
    for (const { seq, hash, entry } of page.entries) {
      seqs.push(seq)
      assert.equal(hash, leafHash(Buffer.from(entry)).toString('base64url'))
    }
    next = page.next
  } while (next !== null)
  assert.deepEqual(
    seqs,
    seqs.map((_, index) => String(index)),
  )
})

test('refuses a page of more than 1,000 entries, and a cursor that is no number', async () => {
  assert.equal((await ask(api, { path: '/v1/entries?limit=1001' })).code, 'request.invalid')
  assert.equal((await ask(api, { path: '/v1/entries?after=-1' })).code, 'request.invalid')
})

test('finds a whole log whole', async () => {
  const log = await api.client.getLog()
  assert.partialDeepStrictEqual(log, { gaps: 0, agentGaps: 0, brokenLinks: 0 })
  assert.equal(String(log.entriesChecked), log.size)
})

test('counts calls that were dispatched and have no outcome; held ones have not been', async () => {
  const earlier = await api.client.getLog()
  await insertHeldCall(api)
  await insertHeldCall(api, { callState: 'executing' })
  const { callsWithoutOutcome } = await api.client.getLog()
  assert.equal(callsWithoutOutcome, earlier.callsWithoutOutcome + 1)
})

test('finds an entry that was changed, and one that was taken out', async () => {
  const { entries } = await api.client.listEntries({ limit: 1000 })
  const opened = entries.filter(({ entry }) => entry.includes('session.opened'))
  const [changed, removed] = [opened[0]?.seq ?? '', opened[2]?.seq ?? '']
  await sql`ALTER TABLE airworthy.entries_1 DISABLE TRIGGER ALL`.execute(api.db)
  await sql`UPDATE airworthy.entries SET entry = convert_to(
    replace(convert_from(entry, 'UTF8'), 'enforce', 'observe'), 'UTF8')
    WHERE seq = ${changed}`.execute(api.db)
  const afterChange = await api.client.getLog()
  assert.partialDeepStrictEqual(afterChange, { gaps: 0, agentGaps: 0, brokenLinks: 1 })
  await sql`DELETE FROM airworthy.entries WHERE seq = ${removed}`.execute(api.db)
  const afterRemoval = await api.client.getLog()
  assert.partialDeepStrictEqual(afterRemoval, { gaps: 1, agentGaps: 1, brokenLinks: 2 })
})
