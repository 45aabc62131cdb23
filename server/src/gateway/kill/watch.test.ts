// The lease on a real PostgreSQL that loses commits, as one does that is restored from a backup.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { sql } from 'kysely'
import { startTcpProxy } from '../../../../e2e/harness/tcp-proxy.ts'
import { createTestDatabase } from '../../../test/database.ts'
import { openDatabase } from '../../store/database.ts'
import { acknowledgeKill, issueKill, requireKill } from '../../store/kills/kills.ts'
import { bootstrapOrganisation } from '../../store/organisations.ts'
import { Fence } from './fence.ts'
import { KillWatch } from './watch.ts'

const clocks = () => ({ monotonicMs: performance.now(), wallMs: Date.now() })

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000
  while (!(await isSo())) {
    assert(performance.now() < deadline, 'it takes too long')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const subjectOf = (agentId: string) => ({ agentId, versionId: 'v', sessionId: 's' })

test('a database that lost a kill hears of it again, and one with its number is not taken for it', async () => {
  await using owner = new AsyncDisposableStack()
  const database = owner.use(await createTestDatabase())
  const { db, close } = openDatabase({ url: database.url, poolMax: 4 })
  owner.defer(close)
  const { organisationId } = await bootstrapOrganisation(db)
  const behind = new URL(database.url)
  const door = owner.use(await startTcpProxy(Number(behind.port)))
  behind.port = String(door.port)
  const fence = new Fence(clocks)
  owner.use(
    await KillWatch.start({
      databaseUrl: behind.href,
      organisationId,
      name: 'test',
      fence,
      clocks,
      onKills: () => undefined,
      log: () => undefined,
    }),
  )
  const isStopped = (agentId: string) => fence.killRefusal(subjectOf(agentId)) !== undefined
  const stop = (agentId: string) =>
    issueKill(db, organisationId, {
      scope: { kind: 'agent', id: agentId },
      mode: 'freeze',
      reason: 'a test',
      by: { operatorId: randomUUID() },
      revokesKeys: false,
    })
  const lost = await stop('lost')
  await until(() => isStopped('lost'))
  await until(() => acknowledgeKill(db, organisationId, lost))
  door.cut()
  // What is there when the standby takes over: no such kill, and the epoch before it.
  const before = (lost.epoch - 1n).toString()
  await sql`DELETE FROM airworthy.kill_acks`.execute(db)
  await sql`DELETE FROM airworthy.kills`.execute(db)
  await sql`UPDATE airworthy.kill_epochs SET epoch = ${before}`.execute(db)
  await sql`UPDATE airworthy.gateways SET confirmed_epoch = ${before}`.execute(db)
  const other = await stop('other')
  assert.equal(other.epoch, lost.epoch)
  door.mend()
  await until(() => acknowledgeKill(db, organisationId, other))
  await until(() => fence.isLeased)
  assert(isStopped('other'), 'it has applied what it confirmed')
  assert(isStopped('lost'), 'what was stopped stays so')
  const restored = await requireKill(db, organisationId, lost.killId)
  assert.deepEqual([restored.rule, restored.mode], ['kill.restored', 'freeze'])
  assert(restored.epoch > other.epoch)
})
