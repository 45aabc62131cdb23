import assert from 'node:assert/strict'
import { randomUUID, randomUUIDv7 } from 'node:crypto'
import { test } from 'node:test'
import { sql } from 'kysely'
import { Client } from 'pg'
import { createTestDatabase } from '../../../test/database.ts'
import { openDatabase } from '../database.ts'
import { acknowledgeKill, issueKill, type KillCommand, listGatewaysOfKill } from './kills.ts'
import { bootstrapOrganisation } from '../organisations.ts'

async function ground(owner: AsyncDisposableStack) {
  const database = owner.use(await createTestDatabase())
  const { db, close } = openDatabase({ url: database.url, poolMax: 4 })
  owner.defer(close)
  const { organisationId } = await bootstrapOrganisation(db)
  const command: KillCommand = {
    scope: { kind: 'organisation', id: organisationId },
    mode: 'freeze',
    reason: 'a test',
    by: { operatorId: randomUUID() },
    revokesKeys: false,
  }
  const kill = () => issueKill(db, organisationId, command)
  return { db, organisationId, url: database.url, kill }
}

test('a kill is not acknowledged while a process of the release before lives', async () => {
  await using owner = new AsyncDisposableStack()
  const { db, organisationId, url, kill } = await ground(owner)
  const old = new Client({ connectionString: url })
  await old.connect()
  await old.query('SELECT pg_advisory_lock(77)')
  // As that release writes its row: it knows no more columns.
  await old.query(
    `INSERT INTO airworthy.replicas (organisation_id, replica_id, lock_key, open_floor)
    VALUES ($1, $2, 77, $2)`,
    [organisationId, randomUUIDv7()],
  )
  const issued = await kill()
  assert.equal(await acknowledgeKill(db, organisationId, issued), false)
  // The process ends in whatever way, and nobody has said so yet.
  await old.end()
  while (!(await acknowledgeKill(db, organisationId, issued))) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
})

test('a gateway that came after a kill is not shown as one that it waits for', async () => {
  await using owner = new AsyncDisposableStack()
  const { db, organisationId, kill } = await ground(owner)
  const add = async (name: string) => {
    await sql`INSERT INTO airworthy.gateways
        (organisation_id, gateway_id, name, confirmed_epoch, lease_until)
      VALUES (${organisationId}, ${randomUUIDv7()}, ${name},
        coalesce((SELECT epoch FROM airworthy.kill_epochs), 0), clock_timestamp() + interval '1 minute')`.execute(
      db,
    )
  }
  await add('before')
  const issued = await kill()
  await add('after')
  const shown = await listGatewaysOfKill(db, organisationId, issued)
  assert.deepEqual(
    shown.map(({ name }) => name),
    ['before'],
  )
})
