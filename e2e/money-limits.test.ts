// Limits on the money that tools move, on the real server: whom they stop, and what they count.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { AirworthyApiError, type SetLimit } from '@airworthy/sdk'
import { Client as McpClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { Client as Database } from 'pg'
import { bankManifest, startBank } from '../examples/bank/server.ts'
import { createTestDatabase } from '../server/test/database.ts'
import { replaceClock, setClock } from '../server/test/test-clock.ts'
import { addPerson } from './harness/operators.ts'
import { startServer } from './harness/server.ts'

await using starting = new AsyncDisposableStack()
const { url: databaseUrl } = starting.use(await createTestDatabase())
const database = new Database({ connectionString: databaseUrl })
await database.connect()
starting.defer(() => database.end())
await replaceClock(database)
await setClock(database, '2026-10-24T10:00:00Z')
const bank = starting.use(await startBank())
const server = starting.use(await startServer({ databaseUrl }))
const { client } = server
const second = await addPerson(server, { role: 'operator' })
const manifest = bankManifest({ agent: 'payer', url: bank.url })
const { apiKey } = await client.enrolAgent({ manifest, file: 'payer.json' })
const { sessionKey } = await client.openSession({ agent: 'payer' })
const mcp = new McpClient({ name: 'test', version: '0' })
const requestInit = { headers: { authorization: `Bearer ${apiKey ?? ''}` } }
const url = new URL(`${server.url}/s/${sessionKey}/mcp/bank`)
await mcp.connect(new StreamableHTTPClientTransport(url, { requestInit }))
starting.defer(() => mcp.close())
const standing = starting.move()
after(() => standing.disposeAsync())

let made = 0

/** The code of what refused it; `ok` where the tool answered. */
async function call(
  tool: string,
  args: { amount: string; to?: string; reference?: string; [name: string]: unknown },
): Promise<string> {
  made += 1
  const isPayment = ['transfer', 'refund', 'authorise'].includes(tool)
  const result = await mcp.callTool({
    name: tool,
    arguments: {
      reference: `r-${made}`,
      ...(isPayment ? { to: 'acct-1' } : {}),
      ...(tool === 'transfer' ? { currency: 'USD' } : {}),
      ...args,
    },
  })
  const content = result.structuredContent
  const code: unknown =
    typeof content === 'object' && content !== null ? Reflect.get(content, 'code') : undefined
  return typeof code === 'string' ? code : result.isError === true ? 'refused by the tool' : 'ok'
}

async function remove(name: string): Promise<void> {
  const { proposal } = await client.removeLimit(name, { reason: 'the test is over' })
  await second.client.confirmProposal(proposal)
}

async function withLimit(
  name: string,
  setting: SetLimit,
  work: () => Promise<void>,
): Promise<void> {
  await client.setLimit(name, setting)
  try {
    await work()
  } finally {
    await remove(name)
  }
}

const day = { kind: 'calendar', unit: 'day', zone: 'Europe/Paris' } as const
const daily: SetLimit = {
  kind: 'window',
  scope: 'organisation',
  asset: 'USD',
  max: '100',
  window: day,
}

async function settledOf(name: string): Promise<string | undefined> {
  const [ledger] = (await client.getLimit(name)).ledgers
  return ledger?.amount.settled
}

test('one transaction moves no more than its limit', async () => {
  const setting = {
    kind: 'transaction',
    scope: 'organisation',
    asset: 'USD',
    max: '50.00',
  } as const
  await withLimit('each', setting, async () => {
    assert.equal(await call('transfer', { amount: '50.00' }), 'ok')
    const before = bank.bookings.length
    assert.equal(await call('transfer', { amount: '50.01' }), 'limit.exceeded')
    assert.equal(bank.bookings.length, before, 'nothing left')
  })
})

test('a day moves no more than its limit, and has 25 hours where the clocks are turned', async () => {
  await withLimit('day', daily, async () => {
    assert.equal(await call('transfer', { amount: '60' }), 'ok')
    assert.equal(await call('transfer', { amount: '40.01' }), 'limit.exceeded')
    assert.equal(await call('transfer', { amount: '40' }), 'ok')
    assert.equal(await settledOf('day'), '100.00')
    await setClock(database, '2026-10-24T22:00:05Z')
    assert.equal(await call('transfer', { amount: '100' }), 'ok', 'a new day in Paris')
    await setClock(database, '2026-10-25T22:30:00Z')
    assert.equal(await call('transfer', { amount: '0.01' }), 'limit.exceeded', 'its 25th hour')
    await setClock(database, '2026-10-25T23:00:05Z')
    assert.equal(await call('transfer', { amount: '100' }), 'ok')
  })
})

test('a zone or a limit that is changed resets nothing, and is not loosened by one person', async () => {
  await setClock(database, '2026-11-01T10:00:00Z')
  await withLimit('day', daily, async () => {
    assert.equal(await call('transfer', { amount: '90' }), 'ok')
    const moved = await client.setLimit('day', {
      ...daily,
      window: { ...day, zone: 'Pacific/Kiritimati' },
    })
    assert.equal(moved.proposal, null)
    assert.equal(await call('transfer', { amount: '10.01' }), 'limit.exceeded')
    await setClock(database, '2026-11-01T10:01:00Z')
    assert.equal(await call('transfer', { amount: '10.01' }), 'limit.exceeded', 'its next day')
    await client.setLimit('day', {
      ...daily,
      window: { ...day, zone: 'Pacific/Kiritimati' },
      max: '50',
    })
    assert.equal(await call('transfer', { amount: '0.01' }), 'limit.exceeded', 'below what is used')
    const looser = { ...daily, window: { ...day, zone: 'Pacific/Kiritimati' }, max: '100' }
    const asked = await client.setLimit('day', { ...looser, reason: 'the month ends' })
    assert.deepEqual(asked.loosened, ['max'])
    assert.equal(asked.limit.max, '50.00')
    const proposal = asked.proposal ?? ''
    await assert.rejects(
      client.confirmProposal(proposal),
      (error: AirworthyApiError) => error.code === 'proposal.same_person',
    )
    assert.equal(await call('transfer', { amount: '0.01' }), 'limit.exceeded')
    await second.client.confirmProposal(proposal)
    assert.equal(await call('transfer', { amount: '10.01' }), 'limit.exceeded')
    assert.equal(await call('transfer', { amount: '10' }), 'ok')
  })
})

test('what is proposed about a limit that was changed since is not done', async () => {
  await withLimit('day', daily, async () => {
    const { proposal } = await client.setLimit('day', { ...daily, max: '900', reason: 'more' })
    await client.setLimit('day', { ...daily, max: '10' })
    await assert.rejects(
      second.client.confirmProposal(proposal ?? ''),
      (error: AirworthyApiError) => error.code === 'limit.changed',
    )
    assert.equal((await client.getLimit('day')).max, '10.00')
  })
})

test('money that may have left stays reserved until somebody knows', async () => {
  await withLimit('day', daily, async () => {
    assert.equal(await call('transfer', { amount: '70', reference: 'lost-1' }), 'effect.unknown')
    const [ledger] = (await client.getLimit('day')).ledgers
    assert.deepEqual(ledger?.amount, { settled: '0.00', reserved: '0.00', unknown: '70.00' })
    assert.equal(await call('transfer', { amount: '31' }), 'limit.exceeded')
    const effects = await client.listEffects({ state: 'unknown' })
    const [effect] = effects.effects
    await client.resolveEffect(effect?.id ?? '', { outcome: 'failed', reason: 'the bank says so' })
    assert.equal(await call('transfer', { amount: '100' }), 'ok')
  })
})

test('what the tool refuses is given back', async () => {
  await withLimit('day', daily, async () => {
    const reference = 'refused-1'
    assert.equal(await call('transfer', { amount: '100', reference }), 'refused by the tool')
    assert.equal(await call('transfer', { amount: '100' }), 'ok')
  })
})

test('a refund makes room only where the limit says so', async () => {
  await withLimit('day', daily, async () => {
    assert.equal(await call('transfer', { amount: '100' }), 'ok')
    assert.equal(await call('refund', { amount: '100' }), 'ok')
    assert.equal(await call('transfer', { amount: '1' }), 'limit.exceeded')
  })
  await withLimit('day', { ...daily, refundsRefill: true }, async () => {
    assert.equal(await call('transfer', { amount: '100' }), 'ok')
    assert.equal(await call('refund', { amount: '30' }), 'ok')
    assert.equal(await call('transfer', { amount: '30.01' }), 'limit.exceeded')
    assert.equal(await call('transfer', { amount: '30' }), 'ok')
    assert.equal(await call('refund', { amount: '1000' }), 'ok')
    assert.equal(await call('transfer', { amount: '100.01' }), 'limit.exceeded')
  })
})

test('each counterparty has a share of its own, in whatever spelling', async () => {
  await withLimit('each', { ...daily, eachCounterparty: true }, async () => {
    assert.equal(await call('transfer', { to: 'DE 89-37', amount: '100' }), 'ok')
    assert.equal(await call('transfer', { to: 'de8937', amount: '1' }), 'limit.exceeded')
    assert.equal(await call('transfer', { to: 'DE 90', amount: '100' }), 'ok')
  })
})

test('a number of calls is a limit, too', async () => {
  const setting: SetLimit = { kind: 'window', scope: 'session', countMax: 2, window: day }
  await withLimit('count', setting, async () => {
    assert.equal(await call('transfer', { amount: '1' }), 'ok')
    assert.equal(await call('transfer', { amount: '1', currency: 'EUR' }), 'ok')
    assert.equal(await call('transfer', { amount: '1' }), 'limit.exceeded')
  })
})

test('lists of counterparties allow and block', async () => {
  const allow: SetLimit = {
    kind: 'allow',
    scope: 'organisation',
    counterparties: ['acct-1', 'shop-*'],
  }
  await withLimit('known', allow, async () => {
    assert.equal(await call('transfer', { to: 'acct-1', amount: '1' }), 'ok')
    assert.equal(await call('transfer', { to: 'shop-7', amount: '1' }), 'ok')
    assert.equal(await call('transfer', { to: 'acct-2', amount: '1' }), 'counterparty.blocked')
  })
  const block: SetLimit = { kind: 'block', scope: 'organisation', counterparties: ['acct-9'] }
  await withLimit('never', block, async () => {
    assert.equal(await call('transfer', { to: 'ACCT 9', amount: '1' }), 'counterparty.blocked')
    assert.equal(await call('transfer', { to: 'acct-8', amount: '1' }), 'ok')
  })
  const { rows } = await database.query<{ parties: string }>(
    'SELECT parties::text AS parties FROM airworthy.limits',
  )
  assert.ok(
    rows.every(({ parties }) => !parties.includes('acct')),
    'identifiers are digests',
  )
})

test('some tools always need a person, whatever the amount', async () => {
  const ask: SetLimit = { kind: 'ask', scope: 'organisation', actions: ['bank/refund'] }
  await withLimit('ask', ask, async () => {
    assert.equal(await call('refund', { amount: '0.01' }), 'call.held')
    assert.equal(await call('transfer', { amount: '0.01' }), 'ok')
  })
})

test('what is held is counted once it is approved, and refused if no room is left by then', async () => {
  await client.setLimit('ask', { kind: 'ask', scope: 'organisation', actions: ['bank/transfer'] })
  await withLimit('day', daily, async () => {
    const reference = 'held-1'
    assert.equal(await call('transfer', { amount: '80', reference }), 'call.held')
    await remove('ask')
    assert.equal(await call('transfer', { amount: '30' }), 'ok')
    const before = bank.bookings.length
    const { holds } = await client.listHolds({ state: 'pending' })
    const hold = holds.find(({ action }) => action === 'bank/transfer')
    await second.client
      .approveHold(hold?.id ?? '', { reason: 'looks right' })
      .catch(() => undefined)
    assert.equal(bank.bookings.length, before)
    assert.equal(await settledOf('day'), '30.00')
  })
})

test('another currency counts by a fresh quote, rounded against the spender, or not at all', async () => {
  await withLimit('day', daily, async () => {
    assert.equal(await call('transfer', { amount: '1', currency: 'EUR' }), 'money.quote_stale')
    const { proposal } = await client.setQuote({
      base: 'EUR',
      quoted: 'USD',
      rate: '1.0842',
      source: 'test',
      maxAgeSeconds: 60,
    })
    await second.client.confirmProposal(proposal ?? '')
    assert.equal(await call('transfer', { amount: '10', currency: 'EUR' }), 'ok')
    assert.equal(await call('transfer', { amount: '0.01', currency: 'EUR' }), 'ok')
    assert.equal(await settledOf('day'), '10.87', 'each is rounded up: 10.85 and 0.02')
    await client.setQuote({
      base: 'EUR',
      quoted: 'USD',
      rate: '1.0842',
      source: 'test',
      at: '2026-10-31T10:00:00Z',
    })
    assert.equal(await call('transfer', { amount: '1', currency: 'EUR' }), 'money.quote_stale')
    await client.setLimit('euros', { ...daily, asset: 'EUR', converts: false })
    assert.equal(await call('transfer', { amount: '1' }), 'ok')
    await remove('euros')
  })
})

test('what is authorised counts until it is captured or voided, and leaves once', async () => {
  const open: SetLimit = { kind: 'open', scope: 'agent', asset: 'USD', max: '60' }
  await client.setLimit('open', open)
  await withLimit('day', daily, async () => {
    assert.equal(await call('authorise', { amount: '40', reference: 'a' }), 'ok')
    assert.equal(await call('authorise', { amount: '30', reference: 'b' }), 'limit.exceeded')
    assert.equal(await call('capture', { authorisation: 'auth-a', amount: '40' }), 'ok')
    assert.equal(await settledOf('day'), '40.00', 'what was authorised was counted then')
    assert.equal(await settledOf('open'), '0.00')
    assert.equal(await call('capture', { authorisation: 'auth-a', amount: '40' }), 'ok')
    assert.equal(await settledOf('day'), '80.00', 'a second capture is money of its own')
    assert.equal(await call('authorise', { amount: '20', reference: 'c' }), 'ok')
    assert.equal(await call('void', { authorisation: 'auth-c', amount: '20' }), 'ok')
    assert.equal(await settledOf('open'), '0.00')
    assert.equal(await call('capture', { authorisation: 'auth-c', amount: '20' }), 'limit.exceeded')
  })
  await remove('open')
})

test('a budget that counts tools takes their money from what models have left', async () => {
  const window = { kind: 'whole' } as const
  const all = { scope: 'organisation', window, limits: { moneyUsd: '100' } } as const
  await client.setBudget('everything', { ...all, includeToolMoney: true })
  const moneyOf = async (): Promise<readonly (string | undefined)[]> => {
    const [ledger] = (await client.getBudget('everything')).ledgers
    const use = ledger?.units.find(({ unit }) => unit === 'nano_usd')
    return [use?.settled, use?.reserved, use?.unknown]
  }
  assert.equal(await call('transfer', { amount: '60' }), 'ok')
  assert.deepEqual(await moneyOf(), ['60000000000', '0', '0'])
  assert.equal(await call('transfer', { amount: '40.01' }), 'budget.exceeded')
  assert.equal(
    await call('transfer', { amount: '40', reference: 'refused-2' }),
    'refused by the tool',
  )
  assert.deepEqual(await moneyOf(), ['60000000000', '0', '0'])
  assert.equal(await call('transfer', { amount: '30', reference: 'lost-2' }), 'effect.unknown')
  assert.deepEqual(await moneyOf(), ['60000000000', '0', '30000000000'])
  assert.equal(await call('transfer', { amount: '10.01' }), 'budget.exceeded')
  assert.equal(await call('transfer', { amount: '1', currency: 'GBP' }), 'money.quote_stale')
  const { effects } = await client.listEffects({ state: 'unknown' })
  for (const { id } of effects) {
    await client.resolveEffect(id, { outcome: 'done', reason: 'the bank says so' })
  }
  assert.deepEqual(await moneyOf(), ['90000000000', '0', '0'])
  await client.removeBudget('everything')
})

test('what of a limit its name fixes is not changed', async () => {
  await withLimit('day', daily, async () => {
    const shapes: readonly SetLimit[] = [
      { ...daily, asset: 'EUR' },
      { ...daily, scope: 'agent' },
      { ...daily, eachCounterparty: true },
      { ...daily, converts: false },
    ]
    for (const setting of shapes) {
      await assert.rejects(
        client.setLimit('day', setting),
        (error: AirworthyApiError) => error.code === 'limit.shape_fixed',
      )
    }
  })
})

test('an asset keeps its decimals, and a contract must say the same', async () => {
  const asset = 'eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48'
  await client.addAsset({ asset, decimals: 6 })
  await assert.rejects(
    client.addAsset({ asset, decimals: 18 }),
    (error: AirworthyApiError) => error.code === 'money.asset_fixed',
  )
  const { assets } = await client.listAssets()
  assert.deepEqual(
    assets.map((each) => each.decimals),
    [6],
  )
})
