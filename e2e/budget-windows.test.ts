// The windows of budgets on the real server, on a database whose clock the test moves.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Client as Database } from 'pg'
import { createTestDatabase } from '../server/test/database.ts'
import { replaceClock, setClock } from '../server/test/test-clock.ts'
import { chat } from './harness/clients.ts'
import { startFakeTools } from './harness/fake-tools.ts'
import { startFakeUpstream } from './harness/fake-upstream.ts'
import { enrol, type TestSession } from './harness/ground.ts'
import { startServer } from './harness/server.ts'

await using starting = new AsyncDisposableStack()
const { url: databaseUrl } = starting.use(await createTestDatabase())
const database = new Database({ connectionString: databaseUrl })
await database.connect()
starting.defer(() => database.end())
await replaceClock(database)
await setClock(database, '2026-10-24T21:30:00Z')
const upstream = starting.use(await startFakeUpstream())
const tools = starting.use(await startFakeTools())
const server = starting.use(await startServer({ databaseUrl }))
const ground = { server, upstream, tools }
const { client } = server
const standing = starting.move()
after(() => standing.disposeAsync())

const agent = await enrol(ground)

/** Opening a session makes gateways read the clock again. */
async function moveClock(at: string): Promise<void> {
  await setClock(database, at)
  const reader = await agent.open()
  await reader[Symbol.asyncDispose]()
}

async function allowedOf(session: TestSession): Promise<number> {
  for (let count = 0; count < 10; count += 1) {
    const reply = await session.post(chat())
    if (reply.code === 'budget.exceeded') return count
    assert.equal(reply.status, 200, reply.text)
  }
  throw new Error('no call was refused')
}

test('a day ends by the clocks of its zone, also where it has 25 hours', async () => {
  const window = { kind: 'calendar', unit: 'day', zone: 'Europe/Paris' } as const
  await client.setBudget('daily', { scope: 'organisation', window, limits: { calls: 2 } })
  await using session = await agent.open()
  assert.equal(await allowedOf(session), 2)
  await moveClock('2026-10-24T22:00:05Z')
  assert.equal(await allowedOf(session), 2)
  const [ledger] = (await client.getBudget('daily')).ledgers
  assert.deepEqual(
    [ledger?.windowStart, ledger?.windowEnd],
    ['2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'],
  )
  await moveClock('2026-10-25T22:30:00Z')
  assert.equal(await allowedOf(session), 0)
  await moveClock('2026-10-25T23:00:05Z')
  assert.equal((await client.getBudget('daily')).ledgers.length, 0)
  assert.equal(await allowedOf(session), 2)
  await client.removeBudget('daily')
})

test('in a rolling window a call counts until all of the window has gone by', async () => {
  const window = { kind: 'rolling', seconds: 3600 } as const
  await moveClock('2026-11-01T10:00:00Z')
  await client.setBudget('hourly', { scope: 'organisation', window, limits: { calls: 2 } })
  await using session = await agent.open()
  assert.equal((await session.post(chat())).status, 200)
  await moveClock('2026-11-01T10:30:00Z')
  assert.equal(await allowedOf(session), 1)
  await moveClock('2026-11-01T10:58:00Z')
  assert.equal(await allowedOf(session), 0)
  await moveClock('2026-11-01T11:02:00Z')
  assert.equal(await allowedOf(session), 1, 'the first has left, the second has not')
  await client.removeBudget('hourly')
})
