// Nonces on a real PostgreSQL: each is new once, whoever asks, until it is forgotten.
import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { createTestDatabase } from '../../../test/database.ts'
import { openDatabase } from '../database.ts'
import { migrate } from '../migrate.ts'
import { type NonceOfKey, NonceStore, forgetNonces } from './nonces.ts'
import { bootstrapOrganisation } from '../organisations.ts'

const database = await createTestDatabase()
const directory = fileURLToPath(new URL('../../../migrations', import.meta.url))
await migrate({ url: database.url, directory })
const { db, close } = openDatabase({ url: database.url, poolMax: 4 })
const { organisationId } = await bootstrapOrganisation(db)
const stores = [0, 1].map(() => new NonceStore({ databaseUrl: database.url, organisationId }))
after(async () => {
  for (const store of stores) await store[Symbol.asyncDispose]()
  await close()
  await database[Symbol.asyncDispose]()
})

const agentId = randomUUID()
const thumbprint = randomBytes(32).toString('base64url')
await addKey(thumbprint)

async function addKey(of: string): Promise<void> {
  await sql`INSERT INTO airworthy.agent_keys (organisation_id, thumbprint, agent_id, algorithm, jwk)
    VALUES (${organisationId}, ${of}, ${agentId}, 'ed25519', '{}')`.execute(db)
}

function nonceOf(more: Partial<NonceOfKey> = {}): NonceOfKey {
  const expiresAtMs = Date.now() + 60_000
  return { agentId, thumbprint, nonce: randomBytes(32), expiresAtMs, ...more }
}

function remember(at: number, nonce: NonceOfKey) {
  const store = stores[at]
  assert.ok(store)
  return store.remember(nonce)
}

test('of many who bring nonces at once to two gateways, each nonce is new to one', async () => {
  const nonces = Array.from({ length: 200 }, () => nonceOf())
  const asked = [...nonces, ...nonces, ...nonces.toReversed()]
  const answers = await Promise.all(asked.map((nonce, n) => remember(n % 2, nonce)))
  assert.equal(answers.filter((answer) => answer === 'new').length, nonces.length)
  assert.equal(answers.filter((answer) => answer === 'replayed').length, 2 * nonces.length)
})

test('a key that is revoked, or is another agent’s, brings none', async () => {
  const revoked = randomBytes(32).toString('base64url')
  await addKey(revoked)
  const nonce = nonceOf({ thumbprint: revoked })
  assert.equal(await remember(0, nonce), 'new')
  await sql`UPDATE airworthy.agent_keys SET revoked_at = now() WHERE thumbprint = ${revoked}`.execute(
    db,
  )
  assert.equal(await remember(0, nonceOf({ thumbprint: revoked })), 'revoked')
  assert.equal(await remember(0, nonceOf({ agentId: randomUUID() })), 'revoked')
})

test('what has expired is forgotten, but not before clocks must agree that it has', async () => {
  const [late, old] = [Date.now() - 30_000, Date.now() - 120_000]
  const kept = [nonceOf(), nonceOf({ expiresAtMs: late })]
  const gone = nonceOf({ expiresAtMs: old })
  for (const nonce of [...kept, gone]) assert.equal(await remember(0, nonce), 'new')
  await forgetNonces(db, organisationId, 1000)
  for (const nonce of kept) assert.equal(await remember(1, nonce), 'replayed')
  assert.equal(await remember(1, gone), 'new')
})
