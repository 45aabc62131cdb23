// What agents, and single operators, try in order to pass limits on money.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { AirworthyApiError, type SetLimit, type SetQuote } from '@airworthy/sdk'
import { bankManifest, startBank } from '../examples/bank/server.ts'
import { createTestDatabase } from '../server/test/database.ts'
import { agentClients } from './harness/clients.ts'
import { at, type Json } from './harness/json.ts'
import { addPerson } from './harness/operators.ts'
import { startServer } from './harness/server.ts'

await using starting = new AsyncDisposableStack()
const { url: databaseUrl } = starting.use(await createTestDatabase())
const bank = starting.use(await startBank())
const server = starting.use(await startServer({ databaseUrl }))
const { client } = server
const second = await addPerson(server, { role: 'operator' })
const standing = starting.move()
after(() => standing.disposeAsync())

let agents = 0
let made = 0

/** An agent of the bank, some of whose contracts say something else. */
async function enrol(contracts: Readonly<Record<string, unknown>> = {}) {
  agents += 1
  const agent = `payer-${agents}`
  const manifest: { tools: object } = JSON.parse(bankManifest({ agent, url: bank.url }))
  const changed = { ...manifest, tools: { ...manifest.tools, ...contracts } }
  const enrolled = await client.enrolAgent({
    manifest: JSON.stringify(changed),
    file: `${agent}.json`,
  })
  const { sessionKey, session: opened } = await client.openSession({ agent })
  const apiKey = enrolled.apiKey ?? ''
  const session = agentClients({ url: server.url, apiKey, sessionKey, server: 'bank' })
  /** The code of what refused it; `ok` where the tool answered. */
  const call = async (tool: string, args: Json): Promise<string> => {
    made += 1
    const isPayment = ['transfer', 'refund', 'authorise'].includes(tool)
    const reply = await session.call(tool, {
      reference: `r-${made}`,
      ...(isPayment ? { to: 'acct-1' } : {}),
      ...(tool === 'transfer' ? { currency: 'USD' } : {}),
      ...args,
    })
    const code = at(reply.value, 'code')
    return typeof code === 'string' ? code : reply.isError ? 'refused by the tool' : 'ok'
  }
  return { sessionId: opened.id, call, [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]() }
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
    const { proposal } = await client.removeLimit(name, { reason: 'the test is over' })
    await second.client.confirmProposal(proposal)
  }
}

const whole: SetLimit = {
  kind: 'window',
  scope: 'organisation',
  asset: 'USD',
  max: '100',
  window: { kind: 'whole' },
}

async function settledOf(name: string): Promise<string | undefined> {
  const [ledger] = (await client.getLimit(name)).ledgers
  return ledger?.amount.settled
}

const isCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof AirworthyApiError && error.code === code

test('one person alone cannot make money count for less', async () => {
  const quote: SetQuote = { base: 'CHF', quoted: 'USD', rate: '1.20', source: 'test' }
  const first = await client.setQuote(quote)
  assert.notEqual(first.proposal, null, 'the first of a pair takes two')
  assert.deepEqual((await client.listQuotes()).quotes, [])
  await assert.rejects(client.confirmProposal(first.proposal ?? ''), isCode('proposal.same_person'))
  await second.client.confirmProposal(first.proposal ?? '')
  const rateNow = async (): Promise<number> => {
    const { quotes } = await client.listQuotes()
    const franc = quotes.find(({ base }) => base === 'iso4217:CHF')
    return Number(franc?.numerator) / Number(franc?.denominator)
  }
  assert.equal(await rateNow(), 1.2)
  assert.equal((await client.setQuote({ ...quote, rate: '1.10' })).proposal, null, 'a small move')
  assert.equal((await client.setQuote({ ...quote, rate: '12' })).proposal, null, 'a tighter one')
  assert.equal((await client.setQuote({ ...quote, rate: '1.08' })).proposal, null, 'and back')
  const steps = await client.setQuote({ ...quote, rate: '1.07' })
  assert.notEqual(steps.proposal, null, 'many small moves are a large one')
  assert.equal(await rateNow(), 1.08)
  await client.setQuote({ ...quote, rate: '1.19' })
  await assert.rejects(
    second.client.confirmProposal(steps.proposal ?? ''),
    isCode('money.quote_changed'),
  )
  assert.equal(await rateNow(), 1.19)
})

test('a tool that always needs a person needs one whatever its contract says of money', async () => {
  const silent = { effect: 'irreversible', key: '{{args.reference}}' }
  await using payer = await enrol({ 'bank/void': silent })
  const ask: SetLimit = { kind: 'ask', scope: 'organisation', actions: ['bank/void'] }
  await withLimit('ask', ask, async () => {
    const before = bank.bookings.length
    assert.equal(await payer.call('void', { authorisation: 'x', amount: '1' }), 'call.held')
    assert.equal(bank.bookings.length, before)
  })
  assert.equal(await payer.call('void', { authorisation: 'x', amount: '1' }), 'ok')
})

test('a limit on captures is not passed by what was authorised without it', async () => {
  await using payer = await enrol()
  // Counted somewhere, it is known as an authorisation.
  await client.setLimit('all', { ...whole, max: '1000' })
  const captures = { ...whole, actions: ['bank/capture'] }
  await withLimit('captures', captures, async () => {
    assert.equal(await payer.call('authorise', { amount: '900', reference: 'big' }), 'ok')
    assert.equal(
      await payer.call('capture', { authorisation: 'auth-big', amount: '900' }),
      'limit.exceeded',
    )
    assert.equal(await payer.call('capture', { authorisation: 'auth-big', amount: '90' }), 'ok')
    assert.equal(await settledOf('captures'), '90.00')
    assert.equal(await settledOf('all'), '900.00', 'where it was counted it does not count again')
  })
  const { proposal } = await client.removeLimit('all', { reason: 'the test is over' })
  await second.client.confirmProposal(proposal)
})

test('a number of calls counts those whose contract names no amount', async () => {
  const nameless = { effect: 'irreversible', key: '{{args.reference}}', counterparty: 'to' }
  await using payer = await enrol({ 'bank/transfer': nameless })
  const { window } = whole
  const count: SetLimit = {
    kind: 'window',
    scope: 'organisation',
    countMax: 1,
    window: window ?? { kind: 'whole' },
  }
  await withLimit('count', count, async () => {
    assert.equal(await payer.call('transfer', { amount: '1' }), 'ok')
    assert.equal(await payer.call('transfer', { amount: '1' }), 'limit.exceeded')
  })
})

test('a limit that is for named tools refuses what it cannot read', async () => {
  const silent = { effect: 'irreversible', key: '{{args.reference}}' }
  await using payer = await enrol({ 'bank/transfer': silent })
  await withLimit('named', { ...whole, actions: ['bank/transfer'] }, async () => {
    assert.equal(await payer.call('transfer', { amount: '1' }), 'limit.exceeded')
  })
  await withLimit('all', whole, async () => {
    assert.equal(await payer.call('transfer', { amount: '1' }), 'ok', 'it may move nothing')
  })
})

test('an undo that pays out is counted, and is not stopped', async () => {
  await using payer = await enrol({
    'bank/refund': {
      effect: 'reversible',
      key: '{{args.reference}}',
      direction: 'in',
      amount: { argument: 'amount', currency: 'USD' },
      counterparty: 'to',
      undo: {
        tool: 'transfer',
        arguments: {
          to: '{{args.to}}',
          amount: '{{args.amount}}',
          currency: 'USD',
          reference: 'undo-{{args.reference}}',
        },
      },
    },
  })
  await withLimit('day', whole, async () => {
    assert.equal(await payer.call('refund', { amount: '130', reference: 'collected' }), 'ok')
    assert.equal(await payer.call('transfer', { amount: '10' }), 'ok')
    const { calls } = await client.getSession(payer.sessionId)
    const collected = calls.find(({ action }) => action === 'bank/refund')
    await client.undoCall(collected?.id ?? '', { reason: 'a mistake' })
    assert.equal(await settledOf('day'), '140.00')
    assert.equal(await payer.call('transfer', { amount: '0.01' }), 'limit.exceeded')
  })
})

test('an undo that voids leaves nothing open', async () => {
  await using payer = await enrol({
    'bank/authorise': {
      effect: 'reversible',
      key: '{{args.reference}}',
      amount: { argument: 'amount', currency: 'USD' },
      counterparty: 'to',
      authorisation: { does: 'opens', id: '{{result.authorisation}}' },
      undo: {
        tool: 'void',
        arguments: {
          authorisation: '{{result.authorisation}}',
          amount: '{{args.amount}}',
          reference: 'undo-{{args.reference}}',
        },
      },
    },
  })
  const open: SetLimit = { kind: 'open', scope: 'organisation', asset: 'USD', max: '60' }
  await withLimit('open', open, async () => {
    assert.equal(await payer.call('authorise', { amount: '50', reference: 'undone' }), 'ok')
    assert.equal(await settledOf('open'), '50.00')
    const { calls } = await client.getSession(payer.sessionId)
    const opened = calls.find(({ action }) => action === 'bank/authorise')
    await client.undoCall(opened?.id ?? '', { reason: 'a mistake' })
    assert.equal(await settledOf('open'), '0.00')
  })
})

test('an authorisation that ended at the provider is given up by two people', async () => {
  await using payer = await enrol()
  const open: SetLimit = { kind: 'open', scope: 'organisation', asset: 'USD', max: '60' }
  await withLimit('open', open, async () => {
    assert.equal(await payer.call('authorise', { amount: '50', reference: 'old' }), 'ok')
    assert.equal(
      await payer.call('authorise', { amount: '20', reference: 'new' }),
      'limit.exceeded',
    )
    const { authorisations } = await client.listAuthorisations()
    const old = authorisations.find(({ amount }) => amount === '50.00')
    const asked = await client.releaseAuthorisation(old?.callId ?? '', { reason: 'it expired' })
    await assert.rejects(client.confirmProposal(asked.proposal), isCode('proposal.same_person'))
    assert.equal(
      await payer.call('authorise', { amount: '20', reference: 'new-2' }),
      'limit.exceeded',
    )
    await second.client.confirmProposal(asked.proposal)
    assert.equal(await settledOf('open'), '0.00')
    assert.equal(await payer.call('authorise', { amount: '20', reference: 'new-3' }), 'ok')
    const { proposal } = await client
      .releaseAuthorisation(old?.callId ?? '', { reason: 'again' })
      .catch(() => ({ proposal: 'refused' }))
    assert.equal(proposal, 'refused', 'it is open no more')
  })
})

test('a counterparty is blocked in every spelling that a bank reads as the same', async () => {
  await using payer = await enrol()
  const block: SetLimit = {
    kind: 'block',
    scope: 'organisation',
    counterparties: ['DE89370400440532013000', '0012345', 'José Straße'],
  }
  await withLimit('block', block, async () => {
    const spellings = [
      'de89 3704 0044 0532 0130 00',
      'DE89\u00a03704\u200b0044\u00ad0532013000',
      'IBAN: DE89 3704 0044 0532 0130 00',
      'DE89,3704,0044,0532,0130,00',
      'ＤＥ89370400440532013000',
      '12345',
      '00012345',
      'Jose\u0301 Straße',
      'JOSE STRASSE',
    ]
    for (const to of spellings) {
      assert.equal(await payer.call('transfer', { to, amount: '1' }), 'counterparty.blocked', to)
    }
    assert.equal(await payer.call('transfer', { to: 'DE90370400440532013000', amount: '1' }), 'ok')
  })
})

test('no amount but a plain one is read', async () => {
  await using payer = await enrol()
  await withLimit('day', whole, async () => {
    const odd = ['-1', '1e1', '0x10', ' 1', '1,00', '١', '1.001', 'NaN', '', '9'.repeat(30)]
    for (const amount of odd) {
      const code = await payer.call('transfer', { amount })
      assert.ok(
        ['policy.rule_error', 'tool.arguments_invalid'].includes(code),
        `${amount}: ${code}`,
      )
    }
    for (const currency of ['usd', 'US D', 'XXX', '']) {
      const code = await payer.call('transfer', { amount: '1', currency })
      assert.equal(code, 'policy.rule_error', currency)
    }
    assert.equal((await settledOf('day')) ?? '0.00', '0.00')
  })
})
