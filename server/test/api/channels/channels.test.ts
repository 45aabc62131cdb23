// The operations on channels, over HTTP on a real PostgreSQL, with real receivers.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { AddChannel } from '@airworthy/sdk'
import { sql } from 'kysely'
import { type HttpReceiver, startHttpReceiver } from '../../channels/http-receiver.ts'
import { type ApiServer, ask, enrolDesk, startApi } from '../api-server.ts'

let api: ApiServer
let receiver: HttpReceiver
before(async () => {
  api = await startApi()
  receiver = await startHttpReceiver()
  await enrolDesk(api)
})
after(async () => {
  await receiver[Symbol.asyncDispose]()
  await api[Symbol.asyncDispose]()
})

const hook = (name: string): AddChannel => ({
  name,
  target: { kind: 'webhook', url: `${receiver.url}/${name}?token=hidden` },
})

test('a channel is added, shown without secrets, tested and removed', async () => {
  const { channel, secret } = await api.client.addChannel({
    ...hook('ops'),
    agents: ['desk'],
    teams: ['support@example.com'],
    stakesMin: 'high',
    hideAmount: true,
    kinds: ['kill.issued'],
  })
  assert.match(secret ?? '', /^whsec_/)
  assert.deepEqual(
    { ...channel, id: '', createdAt: '', createdBy: '' },
    {
      id: '',
      name: 'ops',
      kind: 'webhook',
      place: `${receiver.url}/...`,
      recipients: [],
      kinds: ['kill.issued'],
      agents: ['desk'],
      teams: ['support@example.com'],
      stakesMin: 'high',
      hideAmount: true,
      createdAt: '',
      createdBy: '',
      deliveries: { pending: 0, sent: 0, dead: 0, deadLately: 0 },
    },
  )
  assert.deepEqual(await api.client.getChannel('ops'), channel)
  assert.deepEqual((await api.client.listChannels()).channels, [channel])
  const { results } = await api.client.testChannel('ops')
  assert.deepEqual(
    results.map(({ delivered, failure }) => [delivered, failure]),
    [[true, null]],
  )
  assert.equal(JSON.parse(receiver.posts.at(-1)?.body ?? '').type, 'channel.test')
  assert.deepEqual(await api.client.removeChannel('ops'), { name: 'ops' })
  for (const asking of [
    () => api.client.getChannel('ops'),
    () => api.client.removeChannel('ops'),
    () => api.client.testChannel('ops'),
    () => api.client.rotateChannel('ops'),
    () => api.client.listDeliveries({ channel: 'ops' }),
  ]) {
    await assert.rejects(asking, { status: 404, code: 'channel.unknown' })
  }
  const again = await api.client.addChannel(hook('ops'))
  assert.notEqual(again.channel.id, channel.id)
  await api.client.removeChannel('ops')
})

test('a test that fails says why, and is no error', async () => {
  await api.client.addChannel(hook('broken'))
  receiver.answer((_, response) => void response.writeHead(500).end('no'))
  const { results } = await api.client.testChannel('broken')
  assert.deepEqual(
    results.map(({ delivered, failure }) => [delivered, failure]),
    [[false, 'the receiver answered 500: no']],
  )
  receiver.answer((_, response) => void response.writeHead(204).end())
  await api.client.removeChannel('broken')
})

test('neither the URL nor a secret lies readable in the database, or in the log', async () => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const added = await api.client.addChannel({
    ...hook('sealed'),
    target: { kind: 'webhook', url: `${receiver.url}/topsecret?token=topsecret`, secret },
  })
  assert.equal(added.secret, null)
  const rows = await sql<{ row: string }>`SELECT c::text AS row FROM airworthy.channels c
    UNION ALL SELECT convert_from(entry, 'UTF8') FROM airworthy.entries`.execute(api.db)
  for (const { row } of rows.rows) {
    assert.ok(!row.includes('topsecret') && !row.includes(secret), row)
    assert.ok(!row.includes(Buffer.from('topsecret').toString('hex')), row)
  }
  const rotated = await api.client.rotateChannel('sealed')
  assert.match(rotated.secret ?? '', /^whsec_/)
  assert.notEqual(rotated.secret, secret)
  await api.client.testChannel('sealed')
  const signatures = String(receiver.posts.at(-1)?.headers['webhook-signature']).split(' ')
  assert.equal(signatures.length, 2)
  // A target that somebody moves to another row is not used.
  await api.client.addChannel(hook('other'))
  await sql`UPDATE airworthy.channels SET target = (SELECT target FROM airworthy.channels
    WHERE name = 'sealed') WHERE name = 'other'`.execute(api.db)
  await assert.rejects(api.client.testChannel('other'), { code: 'internal.unexpected' })
  for (const name of ['sealed', 'other']) await api.client.removeChannel(name)
})

test('what makes no channel is refused, and says where', async () => {
  const email = {
    kind: 'email',
    host: 'localhost',
    from: 'a@b.example',
    to: ['c@d.example'],
  } as const
  const bad: readonly unknown[] = [
    { ...hook('x'), name: '../x' },
    { ...hook('x'), kinds: [] },
    { ...hook('x'), kinds: ['nothing'] },
    { ...hook('x'), stakesMin: 'huge' },
    { name: 'x', target: { kind: 'webhook', url: 'ftp://a' } },
    { name: 'x', target: { kind: 'webhook', url: 'https://u:p@a.example' } },
    { name: 'x', target: { kind: 'webhook', url: receiver.url, secret: 'short' } },
    { name: 'x', target: { kind: 'slack', url: receiver.url, secret: 'whsec_' } },
    { name: 'x', target: { kind: 'pager', url: receiver.url } },
    { name: 'x', target: { ...email, to: [] } },
    { name: 'x', target: { ...email, to: ['c@d.example', 'c@d.example'] } },
    { name: 'x', target: { ...email, to: ['c@d.example\r\nBcc: e@f.example'] } },
    { name: 'x', target: { ...email, host: 'a b' } },
    { name: 'x', target: { ...email, username: 'u' } },
    { name: 'x', target: { ...email, tls: 'none', username: 'u', password: 'p' } },
  ]
  for (const body of bad) {
    const { status, code } = await ask(api, { path: '/v1/channels', body })
    assert.deepEqual([status, code], [400, 'request.invalid'], JSON.stringify(body))
  }
  const forbidden = { name: 'x', target: { kind: 'slack', url: 'http://10.0.0.1/x' } } as const
  await assert.rejects(api.client.addChannel(forbidden), { code: 'upstream.address_forbidden' })
  await assert.rejects(api.client.addChannel({ ...hook('x'), agents: ['nobody'] }), {
    code: 'agent.unknown',
  })
  await api.client.addChannel(hook('x'))
  await assert.rejects(api.client.addChannel(hook('x')), { status: 409, code: 'channel.exists' })
  await api.client.removeChannel('x')
  await api.client.addChannel({ name: 'chat', target: { kind: 'slack', url: 'env:NO_SUCH' } })
  await assert.rejects(api.client.rotateChannel('chat'), { code: 'request.invalid' })
  const { results } = await api.client.testChannel('chat')
  assert.equal(results[0]?.failure, 'the server has no variable NO_SUCH')
  await api.client.removeChannel('chat')
})

test('its name and what it sends can be changed; the rest stays, and its key still opens it', async () => {
  const { client } = api
  const { channel } = await client.addChannel({ ...hook('first'), agents: ['desk'] })
  const kinds = ['kill.issued'] as const
  const edited = await client.editChannel('first', { name: 'second', kinds, hideAmount: true })
  assert.deepEqual(edited, { ...channel, name: 'second', kinds: [...kinds], hideAmount: true })
  const wide = await client.editChannel('second', {
    agents: [],
    teams: ['support@example.com'],
    stakesMin: 'high',
    hideAmount: false,
  })
  assert.deepEqual(await client.getChannel('second'), wide)
  assert.deepEqual(
    [wide.agents, wide.teams, wide.stakesMin, wide.hideAmount, wide.kinds],
    [[], ['support@example.com'], 'high', false, ['kill.issued']],
  )
  await assert.rejects(client.getChannel('first'), { code: 'channel.unknown' })
  const { results } = await client.testChannel('second')
  assert.equal(results[0]?.delivered, true)
  await client.addChannel(hook('third'))
  for (const [name, body, code] of [
    ['second', { name: 'third' }, 'channel.exists'],
    ['none', { name: 'fourth' }, 'channel.unknown'],
    ['second', { agents: ['nobody'] }, 'agent.unknown'],
    ['second', {}, 'request.invalid'],
    ['second', { kinds: [] }, 'request.invalid'],
    ['second', { target: hook('x').target }, 'request.invalid'],
  ] as const) {
    assert.equal((await ask(api, { path: `/v1/channels/${name}/edit`, body })).code, code)
  }
  assert.deepEqual(await client.getChannel('second'), wide)
  const entries = await sql<{ entry: string }>`SELECT convert_from(entry, 'UTF8') AS entry
    FROM airworthy.entries WHERE convert_from(entry, 'UTF8') LIKE '%channel.changed%'
      AND convert_from(entry, 'UTF8') LIKE ${`%${channel.id}%`}`.execute(api.db)
  assert.equal(entries.rows.length, 2)
  assert.ok(entries.rows.every(({ entry }) => !entry.includes('second')))
  for (const name of ['second', 'third']) await client.removeChannel(name)
})

test('there are at most fifty', async () => {
  for (let at = 0; at < 50; at += 1) await api.client.addChannel(hook(`c${at}`))
  await assert.rejects(api.client.addChannel(hook('more')), { code: 'channel.too_many' })
  for (let at = 0; at < 50; at += 1) await api.client.removeChannel(`c${at}`)
})

function idOf(at: number): string {
  return `019a0000-0000-7000-8000-00000000000${at}`
}

test('messages are listed, and only dead ones of a channel that is left are sent again', async () => {
  const { channel } = await api.client.addChannel(hook('list'))
  for (const [at, state] of ['pending', 'sent', 'dead'].entries()) {
    await sql`INSERT INTO airworthy.deliveries (organisation_id, delivery_id, channel_id, recipient,
        notice_id, kind, subject_id, detail, noticed_at, state, attempts)
      VALUES (${api.organisationId}, ${idOf(at)}, ${channel.id}, '', ${idOf(at)}, 'hold.opened',
        ${idOf(at)}, '{}', now(), ${state}, 12)`.execute(api.db)
  }
  const { deliveries } = await api.client.listDeliveries({ channel: 'list' })
  assert.deepEqual(
    deliveries.map(({ id, state }) => [id, state]),
    [
      [idOf(2), 'dead'],
      [idOf(1), 'sent'],
      [idOf(0), 'pending'],
    ],
  )
  const page = await api.client.listDeliveries({ limit: 1 })
  assert.equal(page.next, idOf(2))
  const dead = await api.client.listDeliveries({ state: 'dead', subject: idOf(2) })
  assert.equal(dead.deliveries.length, 1)
  assert.deepEqual((await api.client.getChannel('list')).deliveries, {
    pending: 1,
    sent: 1,
    dead: 1,
    deadLately: 0,
  })
  const retried = await api.client.retryDelivery(idOf(2))
  assert.deepEqual([retried.state, retried.attempts], ['pending', 0])
  for (const at of [0, 1, 2]) {
    await assert.rejects(api.client.retryDelivery(idOf(at)), { code: 'delivery.not_dead' })
  }
  await assert.rejects(api.client.retryDelivery(idOf(9)), { code: 'delivery.unknown' })
  await api.client.removeChannel('list')
  const ended = await api.client.listDeliveries({ state: 'dead' })
  assert.deepEqual(
    ended.deliveries.map(({ failure }) => failure),
    Array(2).fill('the channel was removed'),
  )
  await assert.rejects(api.client.retryDelivery(idOf(0)), { code: 'delivery.not_dead' })
})

test('an auditor looks at channels and changes none; an approver does not look', async () => {
  const auditor = await api.client.addOperator({ name: 'auditor', role: 'auditor' })
  const approver = await api.client.addOperator({ name: 'approver', role: 'approver' })
  const statuses = (key: string): Promise<number[]> =>
    Promise.all(
      [
        { path: '/v1/channels' },
        { path: '/v1/deliveries' },
        { path: '/v1/channels', body: hook('no') },
        { path: '/v1/channels/no/remove', body: {} },
        { path: '/v1/channels/no/test', body: {} },
        { path: '/v1/channels/no/edit', body: { name: 'yes' } },
        { path: '/v1/channels/no/rotate', body: {} },
        { path: '/v1/deliveries/019a0000-0000-7000-8000-000000000000/retry', body: {} },
      ].map(async (each) => (await ask(api, { ...each, key })).status),
    )
  assert.deepEqual(await statuses(auditor.key), [200, 200, 403, 403, 403, 403, 403, 403])
  assert.deepEqual(await statuses(approver.key), [403, 403, 403, 403, 403, 403, 403, 403])
})
