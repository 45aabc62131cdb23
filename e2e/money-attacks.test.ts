// scratch of critic-money
import assert from 'node:assert/strict'
import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import type { Json } from './harness/json.ts'
import { prices } from './harness/manifest.ts'
import { until } from './harness/until.ts'

const log = (...a: unknown[]) => appendFileSync('/tmp/h/critic-money/out.txt', a.map(String).join(' ') + '\n')
const ground = await standGround()
const { upstream, server, database } = ground
let usage: Json = { prompt_tokens: 100, completion_tokens: 20 }
let content = 'Hello'
let concurrent = 0
let most = 0
let seen = 0
const gone: string[] = []
const own = createServer((request, response) => {
  let body = ''
  request.on('data', (c: Buffer) => (body += c.toString()))
  request.on('end', () => {
    seen += 1
    concurrent += 1
    most = Math.max(most, concurrent)
    response.on('close', () => { if (!response.writableFinished) gone.push(request.url ?? '') })
    const delay = request.url?.includes('slow') ? 300 : 5
    setTimeout(() => {
      concurrent -= 1
      const asked = JSON.parse(body) as { model: string; input?: string }
      response.writeHead(200, { 'content-type': 'application/json' })
      if (request.url?.includes('embeddings')) {
        response.end(JSON.stringify({ object: 'list', data: [{ index: 0, embedding: [1, 2], object: 'embedding' }], model: asked.model, usage: { prompt_tokens: 3, total_tokens: 3 } }))
        return
      }
      response.end(JSON.stringify({ id: 'x', object: 'chat.completion', created: 1, model: asked.model, choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }], usage }))
    }, delay)
  })
})
await new Promise<void>((r) => own.listen(0, '127.0.0.1', r))
after(() => { own.closeAllConnections(); own.close() })
const ownUrl = (path: string) => `http://127.0.0.1:${(own.address() as AddressInfo).port}/${path}/v1`
const model = (name: string, more: Json = {}): Json => ({ name, wire: 'openai', baseUrl: ownUrl(name), prices, maxOutputTokens: 1000, ...more })
const says = (text: string, more: Json = {}): Json => chat({ messages: [{ role: 'user', content: text }], ...more })

test('absurd usages', async () => {
  const agent = await enrol(ground, { name: 'absurd', more: { models: [model('fake')] } })
  await using session = await agent.open()
  for (const one of [
    { prompt_tokens: 9007199254740991, completion_tokens: 9007199254740991 },
    { prompt_tokens: 9007199254740991, completion_tokens: 9007199254740991, prompt_tokens_details: { cached_tokens: 9007199254740991 } },
    { prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 1000 } },
    { prompt_tokens: 10, completion_tokens: 5, completion_tokens_details: { reasoning_tokens: 9000 } },
    { prompt_tokens: 1.5, completion_tokens: 5 },
    { prompt_tokens: 1e300, completion_tokens: 5 },
    { prompt_tokens: -10, completion_tokens: -5 },
    { prompt_tokens: 100, completion_tokens: 5, prompt_tokens_details: { cached_tokens: -50 } },
  ]) {
    usage = one
    const reply = await session.post(chat())
    const id = reply.headers.get('airworthy-call') ?? ''
    const call = id === '' ? undefined : await server.client.getCall(id)
    log(JSON.stringify(one), reply.status, reply.code, call?.state, call?.costNanoUsd, JSON.stringify(call?.usage))
  }
  usage = { prompt_tokens: 100, completion_tokens: 20 }
  for (const f of [() => server.client.health(), () => session.detail(), () => server.client.getAgent('absurd'), () => server.client.listCalls({})] as (() => Promise<unknown>)[]) log(await f().then((x) => JSON.stringify(x).slice(0, 300), String))
})

test('absurd max_tokens', async () => {
  await server.client.setBudget('calls-only', { scope: 'organisation', window: { kind: 'whole' }, limits: { calls: 1000 } })
  const attacker = await enrol(ground, { name: 'maxer', more: { models: [model('slow')] } })
  const other = await enrol(ground, { name: 'victim' })
  await using a = await attacker.open()
  await using b = await other.open()
  for (const max of [9007199254740991, 5e15, 2 ** 31]) {
    const first = a.post(chat({ model: 'slow', max_tokens: max }))
    await new Promise((r) => setTimeout(r, 120))
    const second = await b.post(chat())
    const reply = await first
    log(max, 'attacker', reply.status, reply.text.slice(0, 200), 'victim', second.status, second.text.slice(0, 200))
  }
  await server.client.removeBudget('calls-only')
})

const routed = (more: Json) => [{ model: 'auto', rules: [], otherwise: 'big', ...more }]

test('comparisons at a time', async () => {
  const agent = await enrol(ground, { name: 'comparer', more: { models: [model('big'), model('slow')],
    routing: routed({ mode: 'shadow', compare: '1', rules: [{ id: 'r', when: 'true', use: 'slow' }] }) } })
  await using session = await agent.open()
  most = 0
  await Promise.all(Array.from({ length: 30 }, () => session.post(chat({ model: 'auto' }))))
  await until('over', () => concurrent === 0)
  await new Promise((r) => setTimeout(r, 800))
  const calls = await database.query("SELECT action, count(*) FROM airworthy.call_intents i JOIN airworthy.agents a USING (organisation_id, agent_id) WHERE a.name='comparer' GROUP BY 1")
  log('compare: most at once', most, JSON.stringify(calls.rows))
})

test('cascade of embeddings', async () => {
  const agent = await enrol(ground, { name: 'embedder', more: { models: [model('small', { apis: ['chat', 'embeddings'] }), model('big', { apis: ['chat', 'embeddings'] })],
    routing: routed({ rules: [{ id: 'r', when: 'true', use: { try: 'small', then: 'big', checks: [] } }] }) } })
  await using session = await agent.open()
  const before = seen
  const reply = await session.post({ model: 'auto', input: 'hello' }, { path: '/v1/embeddings' })
  log('embeddings', reply.status, reply.headers.get('airworthy-model'), 'asked', seen - before, reply.text.slice(0, 100))
})

test('a cascade whose client leaves in the first step', async () => {
  const agent = await enrol(ground, { name: 'leaver', more: { models: [model('slow'), model('big')],
    routing: routed({ rules: [{ id: 'r', when: 'true', use: { try: 'slow', then: 'big', checks: [] } }] }) } })
  await using session = await agent.open()
  const before = seen
  const control = new AbortController()
  const asking = session.post(chat({ model: 'auto' }), { signal: control.signal }).catch((e: unknown) => String(e))
  await until('asked', () => seen > before)
  control.abort()
  await asking
  await until('quiet', async () => (await server.client.health()).openCalls === 0)
  await new Promise((r) => setTimeout(r, 600))
  const calls = await database.query("SELECT c.action, c.state, c.code FROM airworthy.calls c JOIN airworthy.agents a USING (organisation_id, agent_id) WHERE a.name='leaver'")
  const lines = await database.query("SELECT step, used, fault FROM airworthy.routed_calls r JOIN airworthy.agents a USING (organisation_id, agent_id) WHERE a.name='leaver'")
  log('left', seen - before, gone, JSON.stringify(calls.rows), JSON.stringify(lines.rows))
})

test('routes and denied models', async () => {
  const agent = await enrol(ground, { name: 'denied', more: { models: [model('big'), model('small')],
    routing: routed({ rules: [{ id: 'l', when: "request.label == 'x'", use: 'small' }, { id: 'c', when: "request.label == 'y'", use: { try: 'big', then: 'small', checks: [{ id: 'no', accept: 'false' }] } }] }) },
    permissions: [{ id: 'big', effect: 'allow', models: ['big'] }] })
  await using session = await agent.open()
  for (const label of ['', 'x', 'y', 'z'.repeat(65)]) {
    const before = seen
    const reply = await session.post(chat({ model: 'auto' }), { headers: { 'airworthy-label': label } })
    log('label', label, reply.status, reply.code, reply.headers.get('airworthy-model'), seen - before)
  }
})

test('odd end users', async () => {
  const agent = await enrol(ground, { name: 'users' })
  await server.client.setBudget('u', { scope: 'user', window: { kind: 'whole' }, limits: { calls: 1 } })
  for (const endUser of ['', 'a', 'A', 'a ', 'é', 'e\u0301', '\u0430', 'x\ud800', 'x\ud801', '__proto__', "'; drop table --", 'a\u0000b', 'y'.repeat(10_000), '\u202e', 'a\nb']) {
    try {
      await using session = await agent.open({ endUser })
      const one = await session.post(chat())
      const two = await session.post(chat())
      log(JSON.stringify(endUser.slice(0, 20)), one.status, two.status)
    } catch (e) { log(JSON.stringify(endUser.slice(0, 20)), String(e).slice(0, 120)) }
  }
  const shown = await server.client.getBudget('u')
  log(JSON.stringify(shown.ledgers.map((l) => l.subject)))
  for (const limits of [{ calls: -1 }, { calls: 1.5 }, { calls: 2 ** 60 }, { moneyUsd: '1e5' }, { moneyUsd: '999999999.999999999' }, { moneyUsd: '-1' }, { moneyUsd: '9999999999' }, {}, { calls: 0 }, { tokens: 0 }] as never[]) {
    const set = await server.client.setBudget('lim', { scope: 'organisation', window: { kind: 'whole' }, limits }).then(() => 'ok', (e: unknown) => String(e).slice(0, 100))
    await using session = await agent.open({ endUser: `lim${Math.random()}` })
    const one = await session.post(chat())
    const counted = await session.post(chat(), {})
    log(JSON.stringify(limits), set, one.status, one.text.slice(0, 90).includes('budget') ? 'budget' : '', counted.status)
    await server.client.removeBudget('lim').catch(() => undefined)
  }
  await server.client.removeBudget('u')
})
