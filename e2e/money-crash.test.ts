// A gateway is killed while it holds tools' money in a budget, and in a limit: nothing of it is free
// before somebody knows what became of it.
import assert from 'node:assert/strict'
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { bankManifest, startBank } from '../examples/bank/server.ts'
import { createTestDatabase } from '../server/test/database.ts'
import { agentClients } from './harness/clients.ts'
import { startServer, temporaryDirectory } from './harness/server.ts'
import { until } from './harness/until.ts'

const nano = 1_000_000_000n

test('money that a dead gateway had in flight stays counted in budgets and limits', async () => {
  await using owner = new AsyncDisposableStack()
  const { url: databaseUrl } = owner.use(await createTestDatabase())
  const bank = owner.use(await startBank())
  const server = owner.use(await startServer({ databaseUrl }))
  const { client } = server
  const dataDir = await temporaryDirectory(owner)
  await mkdir(dataDir, { recursive: true })
  await cp(join(server.dataDir, 'master.key'), join(dataDir, 'master.key'))
  const { operatorKey } = server
  const dying = owner.use(await startServer({ databaseUrl, dataDir, operatorKey }))
  const window = { kind: 'whole' } as const
  const all = { scope: 'organisation', window, limits: { moneyUsd: '100' } } as const
  await client.setBudget('all', { ...all, includeToolMoney: true })
  const { limits: _none, ...everybody } = all
  await client.setLimit('most', { ...everybody, kind: 'window', asset: 'USD', max: '100' })
  const manifest = bankManifest({ agent: 'payer', url: bank.url, timeoutMs: 30_000 })
  const { apiKey } = await client.enrolAgent({ manifest, file: 'payer.json' })
  const { sessionKey, session } = await client.openSession({ agent: 'payer' })
  const at = (url: string) =>
    owner.use(agentClients({ url, apiKey: apiKey ?? '', sessionKey, server: 'bank' }))
  const there = at(dying.url)
  const here = at(server.url)
  const pay = { to: 'acct-1', currency: 'USD' }

  const lost = Promise.allSettled([
    there.call('transfer', { ...pay, amount: '40', reference: 'lost-1' }),
    there.call('transfer', { ...pay, amount: '25', reference: 'lost-2' }),
  ])
  await until('the bank to have booked both', () => bank.bookings.length === 2)
  await dying.kill()
  await lost
  await until('recovery', async () => {
    const { calls } = await client.getSession(session.id)
    return calls.every((call) => call.state !== 'executing')
  })

  const counted = async (): Promise<readonly (string | undefined)[]> => {
    const [ofBudget] = (await client.getBudget('all')).ledgers
    const use = ofBudget?.units.find(({ unit }) => unit === 'nano_usd')
    const [ofLimit] = (await client.getLimit('most')).ledgers
    const amount = ofLimit?.amount
    return [
      ...[use?.settled, use?.reserved, use?.unknown].map((each) =>
        String(BigInt(each ?? 0) / nano),
      ),
      amount?.settled,
      amount?.reserved,
      amount?.unknown,
    ]
  }
  assert.deepEqual(await counted(), ['0', '0', '65', '0.00', '0.00', '65.00'])
  const tooMuch = await here.call('transfer', { ...pay, amount: '36', reference: 'more' })
  assert.equal(tooMuch.isError, true, 'what is unknown is not free')

  const { effects } = await client.listEffects({ state: 'unknown' })
  assert.equal(effects.length, 2)
  for (const [index, { id }] of effects.entries()) {
    const outcome = index === 0 ? 'done' : 'failed'
    await client.resolveEffect(id, { outcome, reason: 'the bank says so' })
  }
  const [settled = '', ...others] = await counted()
  assert.ok(['40', '25'].includes(settled), `settled ${settled}`)
  assert.deepEqual(others, ['0', '0', `${settled}.00`, '0.00', '0.00'])
})
