import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { sql } from 'kysely'
import { createTestDatabase } from '../../test/database.ts'
import { type Database, openDatabase } from './database.ts'
import { bootstrapOrganisation } from './organisations.ts'
import { runCommand } from './transaction.ts'
import { confirm, findProposal, listProposals, propose, withdraw } from './two-person.ts'

async function ground(owner: AsyncDisposableStack) {
  const database = owner.use(await createTestDatabase())
  const { db, close } = openDatabase({ url: database.url, poolMax: 4 })
  owner.defer(close)
  const { organisationId } = await bootstrapOrganisation(db)
  const one = randomUUID()
  const other = randomUUID()
  const run = <Result>(work: (tx: Database) => Promise<Result>) =>
    runCommand(db, organisationId, work)
  const ask = () =>
    run((tx) =>
      propose(tx, organisationId, {
        kind: 'limit.loosen',
        change: { limit: 'x', to: '5' },
        operatorId: one,
        reason: 'the season begins',
      }),
    )
  const say = (proposalId: string, operatorId: string) =>
    run((tx) => confirm(tx, organisationId, { proposalId, operatorId }))
  return { db, organisationId, one, other, run, ask, say }
}

test('nobody confirms what they proposed; a second person does, once', async () => {
  await using owner = new AsyncDisposableStack()
  const { db, organisationId, one, other, ask, say } = await ground(owner)
  const { proposalId } = await ask()
  await assert.rejects(say(proposalId, one), { code: 'proposal.same_person' })
  assert.equal((await findProposal(db, organisationId, proposalId))?.standing, 'open')
  const both = await Promise.allSettled([say(proposalId, other), say(proposalId, randomUUID())])
  assert.deepEqual(both.map((each) => each.status).toSorted(), ['fulfilled', 'rejected'])
  const found = await findProposal(db, organisationId, proposalId)
  assert.equal(found?.standing, 'confirmed')
  assert.deepEqual(found?.change, { limit: 'x', to: '5' })
  await assert.rejects(say(proposalId, other), { code: 'proposal.settled' })
  await assert.rejects(say(randomUUID(), other), { code: 'proposal.unknown' })
})

test('what waited too long, or was taken back, is not confirmed', async () => {
  await using owner = new AsyncDisposableStack()
  const { db, organisationId, one, other, run, ask, say } = await ground(owner)
  const late = await ask()
  await sql`UPDATE airworthy.proposals SET expires_at = clock_timestamp()
    WHERE proposal_id = ${late.proposalId}`.execute(db)
  await assert.rejects(say(late.proposalId, other), { code: 'proposal.expired' })
  const { proposalId } = await ask()
  await run((tx) => withdraw(tx, organisationId, { proposalId, operatorId: one }))
  await assert.rejects(say(proposalId, other), { code: 'proposal.settled' })
  const page = { after: undefined, limit: 10 }
  assert.deepEqual(await listProposals(db, organisationId, { ...page, isOpen: true }), [])
  const all = await listProposals(db, organisationId, { ...page, isOpen: false })
  assert.deepEqual(
    all.map((each) => each.standing),
    ['expired', 'withdrawn'],
  )
})

test('what fails to be applied is not confirmed', async () => {
  await using owner = new AsyncDisposableStack()
  const { db, organisationId, other, run, ask } = await ground(owner)
  const { proposalId } = await ask()
  const failing = run(async (tx) => {
    await confirm(tx, organisationId, { proposalId, operatorId: other })
    throw new Error('it cannot be applied')
  })
  await assert.rejects(failing, /cannot be applied/)
  assert.equal((await findProposal(db, organisationId, proposalId))?.standing, 'open')
})

test('the database itself refuses one person as both', async () => {
  await using owner = new AsyncDisposableStack()
  const { db, one, ask } = await ground(owner)
  const { proposalId } = await ask()
  const forged = sql`UPDATE airworthy.proposals SET state = 'confirmed', decided_by = ${one}
    WHERE proposal_id = ${proposalId}`
  await assert.rejects(forged.execute(db), /two_people/)
})
