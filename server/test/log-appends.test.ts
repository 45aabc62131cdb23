// What a command asks while it holds the lock of the log's head: everybody else waits for it.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { Kysely, PostgresDialect } from 'kysely'
import { Pool } from 'pg'
import type { OrganisationId } from '../src/core/ids.ts'
import { appendEntries, lockLog } from '../src/store/log/log.ts'
import { bootstrapOrganisation } from '../src/store/organisations.ts'
import type { Schema } from '../src/store/schema/schema.ts'
import { runCommand } from '../src/store/transaction.ts'
import { createTestDatabase } from './database.ts'

const owner = new AsyncDisposableStack()
const asked: string[] = []
let db: Kysely<Schema>
let organisationId: OrganisationId
before(async () => {
  const { url } = owner.use(await createTestDatabase())
  const dialect = new PostgresDialect({ pool: new Pool({ connectionString: url, max: 4 }) })
  db = new Kysely<Schema>({ dialect, log: ({ query }) => void asked.push(query.sql.trim()) })
  owner.defer(() => db.destroy())
  const organisation = await bootstrapOrganisation(db)
  organisationId = organisation.organisationId
})
after(() => owner.disposeAsync())

async function readChain(agentId: string): Promise<{ n: number; seq: bigint }[]> {
  const rows = await db
    .selectFrom('airworthy.entries')
    .select(['seq', 'entry'])
    .where('organisation_id', '=', organisationId)
    .orderBy('seq')
    .execute()
  return rows.flatMap(({ seq, entry }) => {
    const { agent, number: n }: { agent: string; number: number } = JSON.parse(entry.toString())
    return agent === agentId ? [{ n, seq: BigInt(seq) }] : []
  })
}

test('a command locks the head and reads an agent once, however often it appends', async () => {
  const agentId = randomUUID()
  const draft = { type: 'key.issued', agentId, body: { key: 'k' } } as const
  asked.length = 0
  await runCommand(db, organisationId, async (tx) => {
    const [first] = await appendEntries(tx, organisationId, [draft])
    const [second, third] = await appendEntries(tx, organisationId, [draft, draft])
    assert.deepEqual([second?.seq, third?.seq], [(first?.seq ?? 0n) + 1n, (first?.seq ?? 0n) + 2n])
    assert.equal((await lockLog(tx, organisationId)).size, (third?.seq ?? 0n) + 1n)
  })
  const statements = asked.map((each) => each.split(' ')[0])
  assert.deepEqual(statements, ['begin', 'SELECT', 'SELECT', 'WITH', 'WITH', 'commit'])
  assert.deepEqual(
    (await readChain(agentId)).map(({ n }) => n),
    [1, 2, 3],
  )
})

test('what a command that fails had appended is nowhere, and commands at once follow one another', async () => {
  const agentId = randomUUID()
  const draft = { type: 'key.issued', agentId, body: { key: 'k' } } as const
  const append = (fails: boolean) =>
    runCommand(db, organisationId, async (tx) => {
      await appendEntries(tx, organisationId, [draft])
      if (fails) throw new Error('given up')
      await appendEntries(tx, organisationId, [draft])
    })
  const ends = await Promise.allSettled([append(false), append(true), append(false)])
  assert.deepEqual(
    ends.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  const chain = await readChain(agentId)
  assert.deepEqual(
    chain.map(({ n }) => n),
    [1, 2, 3, 4],
  )
  assert.equal(Number((chain.at(-1)?.seq ?? 0n) - (chain[0]?.seq ?? 0n)), 3)
})
