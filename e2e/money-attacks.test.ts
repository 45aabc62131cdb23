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


test('cache keys', async () => {
  const agent = await enrol(ground, { name: 'ca', more: { models: [model('fake', { cache: {} })] } })
  const other = await enrol(ground, { name: 'cb', more: { models: [model('fake', { cache: {} })] } })
  await using session = await agent.open({ endUser: 'ann' })
  await using theirs = await other.open({ endUser: 'ann' })
  const tool = (name: string) => ({ type: 'function', function: { name } })
  const base = { tools: [tool('get_order'), tool('find_customer')], temperature: 0 }
  const mark = async (s: typeof session, body: Json, headers: Record<string, string> = {}) => { const r = await s.post(body, { headers }); return `${r.status} ${r.headers.get('airworthy-cache')}` }
  await session.post(says('Tide?', base))
  await until('hit', async () => (await mark(session, says('Tide?', base))) === '200 hit')
  log('other agent', await mark(theirs, says('Tide?', base)))
  const variants: Record<string, Json> = {
    same: {}, seed: { seed: 1 }, logit_bias: { logit_bias: { 5: 1 } }, stop: { stop: ['x'] }, top_p: { top_p: 0.1 }, order: { tools: [tool('find_customer'), tool('get_order')] },
    tool_choice: { tool_choice: 'none' }, parallel: { parallel_tool_calls: false }, n: { n: 1 }, verbosity: { verbosity: 'low' }, effort: { reasoning_effort: 'low' }, unknown: { x_y: 1 },
    stream: { stream: true }, streamOptions: { stream: true, stream_options: { include_usage: true } }, tier: { service_tier: 'auto' }, metadata: { metadata: { a: 'b' } }, userId: { metadata: { user_id: 'bob' } }, user: { user: 'bob' }, user2: { user: 7 }, safety: { safety_identifier: 'x' }, store: { store: true }, storeFalse: { store: false }, pck: { prompt_cache_key: 'x' }, max: { max_completion_tokens: 5 },
    temp0: { temperature: 0.0 }, modalities: { modalities: ['text'] }, prediction: { prediction: { type: 'content', content: 'x' } },
  }
  for (const [name, more] of Object.entries(variants)) log(name, await mark(session, says('Tide?', { ...base, ...more })))
  for (const h of ['openai-beta', 'openai-organization', 'openai-project', 'anthropic-beta', 'x-stainless-lang', 'idempotency-key']) log(h, await mark(session, says('Tide?', base), { [h]: 'v' }))
  await using nobody = await agent.open()
  await using nobody2 = await agent.open()
  await nobody.post(says('Nobody?'))
  await until('hit', async () => (await mark(nobody, says('Nobody?'))) === '200 hit')
  log('other nobody', await mark(nobody2, says('Nobody?')))
  await using named = await agent.open({ endUser: `session ${nobody.id}` })
  log('named as session', await mark(named, says('Nobody?')))
})

test('big entry and flood', async () => {
  const agent = await enrol(ground, { name: 'flood', more: { models: [model('fake', { cache: { entriesMax: 5, bytesMax: 20000 } })] } })
  await using session = await agent.open({ endUser: 'ann' })
  for (let i = 0; i < 4; i += 1) await session.post(says(`q${i}`))
  const kept = async () => (await server.client.getCache({ agent: 'flood' })).models.map((m) => [m.entries, m.bytes])
  await new Promise((r) => setTimeout(r, 300))
  log('kept', JSON.stringify(await kept()))
  content = 'x'.repeat(40_000)
  await session.post(says('big'))
  content = 'Hello'
  await new Promise((r) => setTimeout(r, 300))
  log('kept after one that is too big', JSON.stringify(await kept()))
  for (let i = 0; i < 30; i += 1) await session.post(says(`r${i}`))
  await new Promise((r) => setTimeout(r, 300))
  log('after flood', JSON.stringify(await kept()))
  await Promise.all([...Array.from({ length: 30 }, (_, i) => session.post(says(`s${i}`))), server.client.purgeCache({ agent: 'flood' }).catch((e: unknown) => log(String(e)))])
  await new Promise((r) => setTimeout(r, 300))
  log('purge while filling', JSON.stringify(await kept()), JSON.stringify((await database.query("SELECT entries, bytes FROM airworthy.cache_agents a JOIN airworthy.agents USING (organisation_id, agent_id) WHERE name='flood'")).rows), JSON.stringify((await database.query("SELECT count(*), sum(bytes) FROM airworthy.cache_entries e JOIN airworthy.agents a USING (organisation_id, agent_id) WHERE name='flood' AND removed_at IS NULL")).rows))
})

test('override in flight', async () => {
  const agent = await enrol(ground, { name: 'ovr', more: { models: [model('slow', { prices: undefined, provider: 'openai', upstreamModel: 'gpt-4.1' })] } })
  await using session = await agent.open()
  const before = seen
  const asking = session.post(chat({ model: 'slow' }))
  await until('asked', () => seen > before)
  await server.client.setPriceOverride?.('openai', 'gpt-4.1', { prices: { inputPerMillionUsd: '100', outputPerMillionUsd: '100' } } as never).catch((e: unknown) => log(String(e)))
  const reply = await asking
  const call = await server.client.getCall(reply.headers.get('airworthy-call') ?? '')
  const detail = await database.query('SELECT detail FROM airworthy.call_outcomes WHERE call_id=$1', [call.id])
  const second = await session.post(chat({ model: 'slow' }))
  const call2 = await server.client.getCall(second.headers.get('airworthy-call') ?? '')
  const detail2 = await database.query('SELECT detail FROM airworthy.call_outcomes WHERE call_id=$1', [call2.id])
  log('override', call.costNanoUsd, JSON.stringify(detail.rows), call2.costNanoUsd, JSON.stringify(detail2.rows), 'listed', 100 * 2000 + 20 * 8000, 'overridden', 120 * 100_000)
})

test('comparison when the session closes, cascade when the budget ends', async () => {
  const agent = await enrol(ground, { name: 'cls', more: { models: [model('big'), model('slow')], routing: [{ model: 'auto', mode: 'shadow', compare: '1', rules: [{ id: 'r', when: 'true', use: 'slow' }], otherwise: 'big' }] } })
  const session = await agent.open()
  await session.post(chat({ model: 'auto' }))
  await server.client.closeSession(session.id)
  await until('quiet', async () => (await server.client.health()).openCalls === 0)
  const two = await enrol(ground, { name: 'cbe', limits: { session: { calls: 1 } }, more: { models: [model('big'), model('small')], routing: [{ model: 'auto', rules: [{ id: 'r', when: 'true', use: { try: 'small', escalateTo: 'big', checks: [{ id: 'no', accept: 'false' }] } }], otherwise: 'big' }] } })
  await using s2 = await two.open()
  const reply = await s2.post(chat({ model: 'auto' }))
  log('cascade budget end', reply.status, reply.code, JSON.stringify((await s2.detail()).budgets.map((b) => [b.unit, b.settled, b.reserved])))
})
