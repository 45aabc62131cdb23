// Notices become messages: on a real PostgreSQL, with several gateways, to real receivers.
import assert from 'node:assert/strict'
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { after, afterEach, before, test } from 'node:test'
import { sql } from 'kysely'
import { type ApiServer, startApi } from '../../test/api/api-server.ts'
import { insertHeldCall } from '../../test/api/gateway-rows.ts'
import { type HttpReceiver, startHttpReceiver } from '../../test/channels/http-receiver.ts'
import { createNotifier } from '../adapters/notifier/notifier.ts'
import type { NoticeKind } from '../core/approval/notice.ts'
import { type ChannelFilter, kindsDefault } from '../core/channel/filter.ts'
import { addChannel, listChannels, removeChannel } from '../store/channels/channels.ts'
import {
  claimDeliveries,
  endAttempt,
  forgetDeliveries,
  listDeliveries,
} from '../store/channels/deliveries.ts'
import { fanOutNotices } from '../store/channels/fan-out.ts'
import { readCard } from '../store/holds/hold-card.ts'
import { announce, forgetNotices } from '../store/channels/outbox.ts'
import { PayloadVault } from '../store/audit/payloads.ts'
import { NotificationSender } from './notify.ts'

const operatorId = randomUUIDv7()
const secret = `whsec_${randomBytes(32).toString('base64')}`
let api: ApiServer
let receiver: HttpReceiver
let vault: PayloadVault
let logged: string[] = []
before(async () => {
  api = await startApi()
  receiver = await startHttpReceiver()
  const { db, organisationId } = api
  vault = new PayloadVault({ db, organisationId, masterKey: randomBytes(32) })
})
after(async () => {
  await receiver[Symbol.asyncDispose]()
  await api[Symbol.asyncDispose]()
})
afterEach(async () => {
  const { db, organisationId } = api
  for (const { name } of await listChannels(db, organisationId)) {
    await removeChannel(db, organisationId, { name, operatorId })
  }
  await sql`DELETE FROM airworthy.deliveries`.execute(db)
  await sql`UPDATE airworthy.outbox SET handled_at = now()`.execute(db)
  logged = []
})

function startSender(): NotificationSender {
  const { db, organisationId } = api
  return new NotificationSender({
    db,
    organisationId,
    vault,
    notifier: createNotifier({ allowPrivate: ['127.0.0.1'], secretOf: () => undefined }),
    publicUrl: () => 'https://airworthy.example',
    readCard: (holdId) => readCard(db, organisationId, holdId),
    random: () => 0.5,
    log: (message, fields) => void logged.push(`${message} ${JSON.stringify(fields ?? {})}`),
  })
}

function add(name: string, filter: Partial<ChannelFilter> = {}) {
  const all = { kinds: kindsDefault, agents: [], teams: [], stakesMin: 'low' } as const
  return addChannel(api.db, api.organisationId, {
    vault,
    channel: {
      name,
      target: {
        kind: 'webhook',
        url: `${receiver.url}/${name}`,
        secrets: [{ secret, untilMs: null }],
      },
      filter: { ...all, ...filter },
      hidesAmount: false,
      operatorId,
    },
  })
}

function tell(
  kind: NoticeKind,
  subject: string = randomUUIDv7(),
  detail: Readonly<Record<string, string>> = {},
): Promise<void> {
  return announce(api.db, api.organisationId, { kind, subject, detail })
}

const states = async () =>
  (await listDeliveries(api.db, api.organisationId, { limit: 1000 })).map(({ state }) => state)

/** Turns until it is so. A message that waits for its next attempt waits no longer. */
async function turnUntil(
  senders: readonly NotificationSender[],
  isSo: () => Promise<boolean>,
): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) {
    await sql`UPDATE airworthy.deliveries SET next_at = now()
      WHERE state = 'pending' AND lease_id IS NULL`.execute(api.db)
    await Promise.all(senders.map((sender) => sender.turn()))
    if (await isSo()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.fail('it did not become so')
}

const allSent = async () => (await states()).every((state) => state === 'sent')

test('each notice is sent once to each channel that is for it, by however many gateways', async () => {
  receiver.answer((_, response) => void response.writeHead(204).end())
  await using one = startSender()
  await using two = startSender()
  for (const [name, filter] of [
    ['all', {}],
    ['desk', { agents: ['desk'] }],
    ['till', { agents: ['till'] }],
    ['high', { stakesMin: 'high' }],
    ['kills', { kinds: ['kill.issued'] }],
  ] as const) {
    await add(name, filter)
  }
  const count = receiver.posts.length
  const holds = [(await insertHeldCall(api)).holdId, (await insertHeldCall(api)).holdId]
  for (const holdId of holds) await tell('hold.opened', holdId)
  await tell('kill.issued')
  await turnUntil([one, two], allSent)
  const posts = receiver.posts.slice(count).map(({ path, body }) => {
    const { type, data } = JSON.parse(body)
    return `${path} ${type} ${type === 'hold.opened' ? data.holdId : ''}`.trim()
  })
  const expected = [
    ...['/all', '/desk'].flatMap((path) => holds.map((id) => `${path} hold.opened ${id}`)),
    ...['/all', '/desk', '/high', '/kills', '/till'].map((path) => `${path} kill.issued`),
  ]
  assert.deepEqual(posts.toSorted(), expected.toSorted())
})

test('a hold is told with its card, and never with its arguments', async () => {
  await using sender = startSender()
  await add('cards')
  const { holdId } = await insertHeldCall(api)
  await tell('hold.opened', holdId)
  await turnUntil([sender], allSent)
  const { type, data } = JSON.parse(receiver.posts.at(-1)?.body ?? '')
  assert.equal(type, 'hold.opened')
  assert.deepEqual(
    [data.id, data.agent, data.action, data.amount, data.state],
    [holdId, 'desk', 'shop/cancel_order', { minor: '25050', currency: 'USD' }, 'pending'],
  )
  assert.ok(!('args' in data || 'arguments' in data))
})

test('a receiver that fails gets the same message again, and after twelve times none', async () => {
  await using sender = startSender()
  await add('failing')
  const count = receiver.posts.length
  receiver.answer((_, response) => void response.writeHead(503).end())
  await tell('proposal.made')
  await turnUntil([sender], async () => (await states()).includes('dead'))
  const posts = receiver.posts.slice(count)
  assert.equal(posts.length, 12)
  assert.equal(new Set(posts.map(({ headers }) => headers['webhook-id'])).size, 1)
  assert.equal(logged.length, 1)
  assert.match(logged[0] ?? '', /^a message could not be brought /)
  const [dead] = await listDeliveries(api.db, api.organisationId, { limit: 1 })
  assert.deepEqual([dead?.attempts, dead?.failure], [12, 'the receiver answered 503'])
})

test('what is refused for good is not sent again', async () => {
  await using sender = startSender()
  await add('gone')
  const count = receiver.posts.length
  receiver.answer((_, response) => void response.writeHead(410).end())
  await tell('proposal.made')
  await turnUntil([sender], async () => (await states()).includes('dead'))
  assert.equal(receiver.posts.length - count, 1)
})

test('the wait after a failure is that of its attempt', async () => {
  await using sender = startSender()
  await add('later')
  receiver.answer((_, response) => void response.writeHead(500).end())
  await tell('proposal.made')
  await sender.turn()
  for (let look = 0; look < 100; look += 1) {
    const [one] = await listDeliveries(api.db, api.organisationId, { limit: 1 })
    if (one?.failure != null) {
      const waitMs = Number(one.nextAt) - Date.now()
      assert.ok(waitMs > 3000 && waitMs < 5100, String(waitMs))
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.fail('the failure was not written')
})

test('a receiver that hangs keeps no other waiting', async () => {
  await using sender = startSender()
  for (const name of ['hanging', 'quick']) await add(name)
  const count = receiver.posts.length
  const hanging: ServerResponse[] = []
  receiver.answer((post, response) => {
    if (post.path === '/hanging') hanging.push(response)
    else response.writeHead(204).end()
  })
  for (let at = 0; at < 40; at += 1) await tell('proposal.made')
  await turnUntil([sender], async () => {
    const sent = (await states()).filter((state) => state === 'sent')
    return sent.length === 40
  })
  const asked = receiver.posts.slice(count).filter(({ path }) => path === '/hanging')
  assert.equal(asked.length, 4, 'one channel has four messages on their way at most')
  for (const response of hanging) response.writeHead(204).end()
})

test('what a dead gateway was sending is taken over, and its late word changes nothing', async () => {
  const { db, organisationId } = api
  receiver.answer((_, response) => void response.writeHead(204).end())
  await using sender = startSender()
  await add('leased')
  await tell('proposal.made')
  const claim = { limit: 10, channelMax: 4, busy: new Map<string, number>() }
  await fanOutNotices(db, organisationId, 100)
  const [claimed] = await claimDeliveries(db, organisationId, claim)
  assert(claimed !== undefined)
  assert.deepEqual(await claimDeliveries(db, organisationId, claim), [], 'it is leased')
  await sql`UPDATE airworthy.deliveries SET next_at = now()`.execute(db)
  await sender.turn()
  await turnUntil([sender], allSent)
  const { deliveryId, leaseId } = claimed
  const end = { kind: 'failed', failure: 'late', retryInMs: undefined } as const
  await endAttempt(db, organisationId, { deliveryId, leaseId, end })
  assert.deepEqual(await states(), ['sent'])
})

test('a gateway that stops leaves what it was sending to others at once, and it does not count', async () => {
  const sender = startSender()
  await add('broken-off')
  const asked = Promise.withResolvers<void>()
  receiver.answer(() => asked.resolve())
  await tell('proposal.made')
  await sender.turn()
  await asked.promise
  await sender[Symbol.asyncDispose]()
  const [left] = await listDeliveries(api.db, api.organisationId, { limit: 1 })
  assert.deepEqual([left?.state, left?.attempts], ['pending', 0])
  assert.ok(Number(left?.nextAt) - Date.now() <= 1000)
})

test('a kill of a session, a version or an agent is told to those who hear of its agent', async () => {
  const { sessionId } = await insertHeldCall(api)
  const { db, organisationId } = api
  const found = await sql<{ agent_id: string; version_id: string }>`SELECT agent_id, version_id
    FROM airworthy.sessions WHERE session_id = ${sessionId}`.execute(db)
  const [session] = found.rows
  assert(session !== undefined)
  const filters = { desk: { agents: ['desk'] }, till: { agents: ['till'] }, all: {} }
  for (const [name, filter] of Object.entries(filters)) await add(name, filter)
  const targets = {
    session: sessionId,
    version: session.version_id,
    agent: session.agent_id,
    tool: 'shop/cancel_order',
    organisation: organisationId,
  }
  for (const [scope, target] of Object.entries(targets)) {
    await tell('kill.issued', randomUUIDv7(), { mode: 'freeze', scope, target })
  }
  // What names nobody, in whatever words, stops no other from being told.
  await tell('kill.issued', randomUUIDv7(), { scope: 'agent', target: 'no-id', agent: 'no-id' })
  await fanOutNotices(db, organisationId, 100)
  const deliveries = await listDeliveries(db, organisationId, { limit: 100 })
  const count = (name: string) => deliveries.filter(({ channel }) => channel === name).length
  assert.deepEqual([count('all'), count('desk'), count('till')], [6, 6, 3])
})

test('more messages than one statement can hold are made of one page of notices', async () => {
  const { db, organisationId } = api
  const to = Array.from({ length: 10 }, (_, at) => `duty${at}@example.com`)
  for (let at = 0; at < 14; at += 1) {
    await addChannel(db, organisationId, {
      vault,
      channel: {
        name: `mail${at}`,
        target: {
          kind: 'email',
          host: 'mail.example',
          port: 25,
          tls: 'none',
          from: 'a@b.example',
          to,
        },
        filter: { kinds: kindsDefault, agents: [], teams: [], stakesMin: 'low' },
        hidesAmount: false,
        operatorId,
      },
    })
  }
  for (let at = 0; at < 50; at += 1) await tell('proposal.made')
  assert.equal(await fanOutNotices(db, organisationId, 100), 50)
  const made = await sql<{ count: number }>`SELECT count(*)::int AS count
    FROM airworthy.deliveries`.execute(db)
  assert.equal(made.rows[0]?.count, 50 * 14 * 10)
})

test('however many receivers hang, another is told at once', async () => {
  await using sender = startSender()
  const slow = Array.from({ length: 6 }, (_, at) => `hanging${at}`)
  for (const name of [...slow, 'quick']) await add(name)
  const hanging: ServerResponse[] = []
  receiver.answer((post, response) => {
    if (post.path === '/quick') response.writeHead(204).end()
    else hanging.push(response)
  })
  for (let at = 0; at < 20; at += 1) await tell('proposal.made')
  await turnUntil([sender], async () => {
    const sent = (await states()).filter((state) => state === 'sent')
    return sent.length === 20
  })
  for (const response of hanging) response.writeHead(204).end()
})

test('what a receiver repeats of a message, or of its own address, is neither kept nor logged', async () => {
  await using sender = startSender()
  await add('repeating')
  const { holdId } = await insertHeldCall(api)
  receiver.answer((post, response) => {
    response.writeHead(410).end(`${post.path} does not want ${post.body}`)
  })
  await tell('hold.opened', holdId)
  await turnUntil([sender], async () => (await states()).includes('dead'))
  const [dead] = await listDeliveries(api.db, api.organisationId, { limit: 1 })
  for (const words of [dead?.failure ?? '', ...logged]) {
    assert.ok(!words.includes('repeating') && !words.includes('cancel_order'), words)
  }
  assert.equal(dead?.failure, 'the receiver answered 410')
})

test('a channel that is removed leaves nothing that waits, also when the gateway dies over it', async () => {
  const { db, organisationId } = api
  await using sender = startSender()
  await add('leaving')
  for (let at = 0; at < 5; at += 1) await tell('proposal.made')
  await fanOutNotices(db, organisationId, 100)
  await removeChannel(db, organisationId, { name: 'leaving', operatorId })
  assert.deepEqual(await states(), Array(5).fill('dead'))
  // It died after the command, before it had ended them all.
  await sql`UPDATE airworthy.deliveries SET state = 'pending', ended_at = NULL`.execute(db)
  for (const { run } of sender.tasks()) await run()
  assert.deepEqual(await states(), Array(5).fill('dead'))
})

test('what is over is forgotten, each after its time, a page at a time', async () => {
  const { db, organisationId } = api
  await add('old')
  for (let at = 0; at < 6; at += 1) await tell('proposal.made')
  await fanOutNotices(db, organisationId, 100)
  await sql`WITH numbered AS (SELECT delivery_id, row_number() OVER (ORDER BY delivery_id) AS number
      FROM airworthy.deliveries)
    UPDATE airworthy.deliveries d SET
      state = CASE WHEN number <= 3 THEN 'sent' WHEN number <= 5 THEN 'dead' ELSE 'pending' END,
      ended_at = CASE WHEN number <= 5 THEN clock_timestamp()
        - make_interval(days => CASE number WHEN 1 THEN 1 WHEN 5 THEN 91 ELSE 31 END) END
    FROM numbered WHERE numbered.delivery_id = d.delivery_id`.execute(db)
  const dayMs = 24 * 3600 * 1000
  const kept = { sentKeptMs: 30 * dayMs, deadKeptMs: 90 * dayMs }
  const forget = (limit: number) => forgetDeliveries(db, organisationId, { ...kept, limit })
  assert.deepEqual([await forget(2), await forget(2), await forget(2)], [2, 1, 0])
  assert.deepEqual((await states()).toSorted(), ['dead', 'pending', 'sent'])
  await sql`UPDATE airworthy.outbox SET handled_at = now() - interval '8 days'
    WHERE handled_at IS NOT NULL`.execute(db)
  await tell('proposal.made')
  await using sender = startSender()
  const [, forgetting] = sender.tasks()
  await forgetting?.run()
  assert.equal(await forgetNotices(db, organisationId, { keptMs: 0, limit: 10 }), 0)
  const open = await sql`SELECT FROM airworthy.outbox`.execute(db)
  assert.equal(open.rows.length, 1, 'what was not handled stays')
})
