// The deletion of a closed shard of the log, tried as it must never go wrong: SIGKILL before and after
// each durable step, legal holds that come late, a store that refuses, two integrators at once.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { cp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { sql } from 'kysely'
import { openDirectoryStore } from '../../src/adapters/objects/directory-store.ts'
import { leafHash } from '../../src/core/audit/entry.ts'
import type { OrganisationId } from '../../src/core/ids.ts'
import { parseCheckpoint } from '../../src/core/tlog/checkpoint.ts'
import { merkleRoot } from '../../src/core/tlog/tree.ts'
import { continueShardDeletion } from '../../src/jobs/log/delete-shards.ts'
import { findLastCheckpoint, findShard } from '../../src/store/log/checkpoints.ts'
import { type Database, openDatabase } from '../../src/store/database.ts'
import { findLog, readEntries } from '../../src/store/log/entries.ts'
import { placeLegalHold, releaseLegalHold } from '../../src/store/audit/legal-holds.ts'
import { closeShard } from '../../src/store/log/log-shards.ts'
import { bootstrapOrganisation } from '../../src/store/organisations.ts'
import { retentionDaysDefault } from '../../src/store/audit/retention.ts'
import { announceShardDeletion, findShardDeletion } from '../../src/store/log/shard-deletions.ts'
import { runCommand } from '../../src/store/transaction.ts'
import { type DrillGround, standDrillGround } from './drill-ground.ts'

const operatorId = randomUUID()
const dayMs = 86_400_000
const logId = '1'

type Log = { readonly db: Database; readonly organisationId: OrganisationId } & AsyncDisposable

async function openLog({ databaseUrl }: DrillGround): Promise<Log> {
  const { db, close } = openDatabase({ url: databaseUrl, poolMax: 4 })
  const { organisationId } = await bootstrapOrganisation(db)
  return { db, organisationId, [Symbol.asyncDispose]: close }
}

/** A shard that is closed and signed, and the next one with some entries. */
async function closeFirstShard(ground: DrillGround, log: Log, entries = 300): Promise<void> {
  await ground.append(entries)
  await ground.integrate()
  await closeShard(log.db, log.organisationId, operatorId)
  await ground.integrate({ turns: '2' })
  await ground.append(5)
  await ground.integrate()
}

function announce(log: Log, options: { readonly afterDays?: number; readonly log?: string } = {}) {
  const { afterDays = retentionDaysDefault + 1 } = options
  const nowMs = Date.now() + afterDays * dayMs
  return runCommand(log.db, log.organisationId, (tx) =>
    announceShardDeletion(tx, log.organisationId, {
      logId: options.log ?? logId,
      reason: 'past its time',
      operatorId,
      nowMs,
    }),
  )
}

async function filesOf(ground: DrillGround, log: Log): Promise<string[]> {
  const shard = await findShard(log.db, log.organisationId, { logId })
  const files = await readdir(join(ground.store, shard?.name ?? ''), { recursive: true })
  return files.toSorted()
}

async function entriesOf(log: Log): Promise<Buffer[]> {
  const open = await findLog(log.db, log.organisationId)
  const page = { logId: open?.logId ?? '', from: 0n, limit: 10_000 }
  return (await readEntries(log.db, log.organisationId, page)).map((row) => row.entry)
}

/** The positions of the entries of this type in the open shard. */
async function placesOf(log: Log, type: string): Promise<number[]> {
  const entries = await entriesOf(log)
  return entries.flatMap((entry, at) => (entry.includes(`"type":"${type}"`) ? [at] : []))
}

/** That all is gone that must go, that all is there that must stay, and that the log says so. */
async function checkDeleted(ground: DrillGround, log: Log): Promise<void> {
  const { db, organisationId } = log
  const row = await findShardDeletion(db, organisationId, logId)
  assert.equal(row?.state, 'done')
  const table = await sql<{ found: string | null }>`
    SELECT to_regclass('airworthy.entries_1')::text AS found`.execute(db)
  assert.equal(table.rows[0]?.found, null)
  assert.deepEqual(await filesOf(ground, log), ['checkpoint', 'signed'])
  const kept = await sql<{ size: string }>`
    SELECT size FROM airworthy.checkpoints WHERE log_id = 1`.execute(db)
  assert.deepEqual(kept.rows, [{ size: row.size }])
  const shard = await findShard(db, organisationId, { logId })
  assert.equal(String(shard?.size), row.size)
  const [announced, done] = [
    await placesOf(log, 'log.shard_deleting'),
    await placesOf(log, 'log.shard_deleted'),
  ]
  assert.deepEqual(announced, [Number(row.announcedSeq)])
  assert.deepEqual(done, [Number(row.doneSeq)])
  assert(Number(row.announcedSeq) < Number(row.doneSeq))
}

/** That the open shard's signed tree is that of its entries. */
async function checkOpenShard(log: Log): Promise<void> {
  const hashes = (await entriesOf(log)).map(leafHash)
  const open = await findLog(log.db, log.organisationId)
  const last = await findLastCheckpoint(log.db, log.organisationId, BigInt(open?.logId ?? 0))
  assert.equal(last?.size, hashes.length)
  const { root } = parseCheckpoint(Buffer.from(last.note))
  assert.deepEqual(root, merkleRoot(hashes))
}

const keptBy =
  (reason: string) =>
  (error: unknown): boolean =>
    error instanceof Error &&
    'detail' in error &&
    JSON.stringify(error.detail).includes(`"keptBy":"${reason}"`)

const steps = [
  'deletion.announced',
  'deletion.begun',
  'deletion.objects',
  'deletion.objects.done',
  'deletion.done',
]

for (const kill of steps) {
  test(`SIGKILL at "${kill}" leaves a deletion that is finished by whoever comes next`, async () => {
    await using ground = await standDrillGround()
    await using log = await openLog(ground)
    // More files than go at a time, so that some are left when it dies among them.
    await closeFirstShard(ground, log, kill === 'deletion.objects' ? 9_000 : 300)
    await announce(log)
    const killed = await ground.integrate({ kill, turns: '4' })
    assert.equal(killed.signal, 'SIGKILL')
    if (kill === 'deletion.objects') assert((await filesOf(ground, log)).length > 2)
    const again = await ground.integrate({ turns: '6' })
    assert.deepEqual([again.code, again.failures.length], ['', kill === 'deletion.done' ? 0 : 1])
    await checkDeleted(ground, log)
    await checkOpenShard(log)
    const { code, failures } = await ground.integrate({ turns: '2' })
    assert.deepEqual([code, failures], ['', []])
    await checkDeleted(ground, log)
  })
}

test('nothing is deleted before a checkpoint with the announcement is published', async () => {
  await using ground = await standDrillGround()
  await using log = await openLog(ground)
  await closeFirstShard(ground, log)
  const files = await filesOf(ground, log)
  const first = await announce(log)
  const { db, organisationId } = log
  await using store = await openDirectoryStore(ground.store)
  const source = { db, organisationId, store, mustBeWitnessed: false, log: () => undefined }
  for (let turn = 0; turn < 3; turn += 1) await continueShardDeletion(source)
  assert.equal((await findShardDeletion(db, organisationId, logId))?.state, 'announced')
  assert.deepEqual(await filesOf(ground, log), files)
  const second = await announce(log)
  assert.equal(second.announcedSeq, first.announcedSeq, 'announced once')
  await ground.integrate({ turns: '3' })
  await checkDeleted(ground, log)
  await assert.rejects(announce(log), { code: 'log.shard_deleted' })
})

test('a shard that is open, not past its time, or not there is not announced', async () => {
  await using ground = await standDrillGround()
  await using log = await openLog(ground)
  await ground.append(10)
  await ground.integrate()
  await assert.rejects(announce(log), keptBy('open'))
  await closeShard(log.db, log.organisationId, operatorId)
  // Between two shards nothing can be announced, because nothing can be written.
  await assert.rejects(announce(log), { code: 'log.unavailable' })
  await ground.integrate({ turns: '2' })
  await assert.rejects(announce(log, { afterDays: retentionDaysDefault - 1 }), keptBy('not_due'))
  await assert.rejects(announce(log, { log: '2' }), keptBy('open'))
  await assert.rejects(announce(log, { log: '3' }), { code: 'request.not_found' })
  const untrue = sql`UPDATE airworthy.checkpoints SET is_witnessed = false WHERE log_id = 1`
  await untrue.execute(log.db)
  await assert.rejects(announce(log), keptBy('not_signed'))
  assert.deepEqual(await placesOf(log, 'log.shard_deleting'), [])
})

test('a legal hold stops a deletion wherever it is, until it is released', async () => {
  await using ground = await standDrillGround()
  await using log = await openLog(ground)
  const { db, organisationId } = log
  await closeFirstShard(ground, log, 9_000)
  const place = (of: Partial<Parameters<typeof placeLegalHold>[2]>): Promise<string> =>
    runCommand(db, organisationId, (tx) =>
      placeLegalHold(tx, organisationId, {
        scope: 'everything',
        agentId: undefined,
        subjectId: undefined,
        reason: 'a case',
        operatorId,
        ...of,
      }),
    )
  const release = (legalHoldId: string): Promise<void> =>
    runCommand(db, organisationId, (tx) =>
      releaseLegalHold(tx, organisationId, { legalHoldId, operatorId }),
    )
  const blocking = await place({ scope: 'subject', subjectId: Buffer.alloc(32, 1) })
  await assert.rejects(announce(log), { code: 'log.shard_kept' })
  await release(blocking)
  await announce(log)
  const early = await place({ scope: 'agent', agentId: randomUUID() })
  const files = await filesOf(ground, log)
  await ground.integrate({ turns: '3' })
  const stopped = await findShardDeletion(db, organisationId, logId)
  assert.equal(stopped?.state, 'announced')
  assert.match(stopped.stoppedBy ?? '', new RegExp(early))
  assert.deepEqual(await filesOf(ground, log), files)
  await release(early)
  await announce(log)
  await ground.integrate({ turns: '3', kill: 'deletion.objects' })
  const late = await place({})
  const before = await filesOf(ground, log)
  await ground.integrate({ turns: '3' })
  assert.deepEqual(await filesOf(ground, log), before, 'what is left stays')
  assert.equal((await findShardDeletion(db, organisationId, logId))?.state, 'deleting')
  await release(late)
  await announce(log)
  await ground.integrate({ turns: '4' })
  await checkDeleted(ground, log)
  await checkOpenShard(log)
})

test('a hold of an agent that was enrolled later keeps nothing', async () => {
  await using ground = await standDrillGround()
  await using log = await openLog(ground)
  const { db, organisationId } = log
  await closeFirstShard(ground, log)
  const agentId = randomUUID()
  const agent = { agent_id: agentId, name: 'later', owner: 'ops', stakes: 'low' as const }
  await db
    .insertInto('airworthy.agents')
    .values({
      ...agent,
      organisation_id: organisationId,
      version_id: randomUUID(),
      pact_id: randomUUID(),
    })
    .execute()
  const hold = { scope: 'agent', agentId, subjectId: undefined, reason: 'x', operatorId } as const
  await runCommand(db, organisationId, (tx) => placeLegalHold(tx, organisationId, hold))
  await announce(log)
  await ground.integrate({ turns: '3' })
  await checkDeleted(ground, log)
})

test('a store that refuses keeps the entries, is told of, and is asked again', async () => {
  await using ground = await standDrillGround()
  await using log = await openLog(ground)
  const { db, organisationId } = log
  await closeFirstShard(ground, log)
  await announce(log)
  await ground.integrate({ kill: 'deletion.begun', turns: '2' })
  await using real = await openDirectoryStore(ground.store)
  const refusal = '403 AccessDenied'
  const store = { ...real, removeBelow: async () => ({ removed: 0, isDone: false, refusal }) }
  const source = { db, organisationId, store, mustBeWitnessed: false, log: () => undefined }
  await continueShardDeletion(source)
  const waiting = await findShardDeletion(db, organisationId, logId)
  assert.equal(waiting?.stoppedBy, `the store keeps the files: ${refusal}`)
  const page = { logId, from: 0n, limit: 1_000 }
  assert.equal((await readEntries(db, organisationId, page)).length, 301)
  // Not at once: a lock of years is not asked about each second.
  await ground.integrate({ turns: '2' })
  assert.equal((await findShardDeletion(db, organisationId, logId))?.state, 'deleting')
  await announce(log)
  await ground.integrate({ turns: '2' })
  await checkDeleted(ground, log)
})

test('two integrators at once, both without the lock, delete a shard once', async () => {
  await using ground = await standDrillGround()
  await using log = await openLog(ground)
  const others = await ground.temporary()
  await ground.append(3_000)
  await ground.integrate()
  await cp(join(ground.data, 'keystore.json'), join(others, 'keystore.json'))
  await closeShard(log.db, log.organisationId, operatorId)
  await ground.integrate({ turns: '2' })
  await announce(log)
  const endings = await Promise.all([
    ground.integrate({ unlocked: true, turns: '12' }),
    ground.integrate({ unlocked: true, turns: '12', data: others }),
  ])
  assert.deepEqual(
    endings.map(({ code }) => code),
    ['', ''],
  )
  await ground.integrate({ turns: '2' })
  await checkDeleted(ground, log)
  await checkOpenShard(log)
})

test('who reads in a long transaction is not shut out: the entries go later', async () => {
  await using ground = await standDrillGround()
  await using log = await openLog(ground)
  const { db, organisationId } = log
  await closeFirstShard(ground, log)
  await announce(log)
  await db.transaction().execute(async (reader) => {
    await sql`SELECT count(*) FROM airworthy.entries`.execute(reader)
    await ground.integrate({ turns: '3' })
    const waiting = await findShardDeletion(db, organisationId, logId)
    assert.deepEqual(
      [waiting?.state, waiting?.stoppedBy],
      ['deleting', 'somebody reads the log in one long transaction'],
    )
  })
  await announce(log)
  await ground.integrate({ turns: '2' })
  await checkDeleted(ground, log)
})
