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


test('override in flight', async () => {
  const agent = await enrol(ground, { name: 'ovr', more: { models: [model('slow', { prices: undefined, provider: 'openai', upstreamModel: 'gpt-4.1' })] } })
  await using session = await agent.open()
  const before = seen
  const asking = session.post(chat({ model: 'slow' }))
  await until('asked', () => seen > before)
  await server.client.setPriceOverride({ provider: 'openai', model: 'gpt-4.1', prices: { inputPerMillionUsd: '100', outputPerMillionUsd: '100' } } as never).catch((e: unknown) => log(String(e)))
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
