import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { appendFileSync } from 'node:fs'
import { chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { prices } from './harness/manifest.ts'
import { spentOf } from './harness/record.ts'

const ground = await standGround()
const log = (...a: unknown[]): void => appendFileSync('/tmp/h/critic/probe.out', a.map((x) => typeof x === 'string' ? x : JSON.stringify(x)).join(' ') + '\n')
let answer: (body: string, res: ServerResponse, req: IncomingMessage) => void = () => {}
let seen: { url: string; body: string }[] = []
const up = createServer(async (req, res) => {
  const parts: Buffer[] = []
  for await (const c of req) parts.push(Buffer.from(c))
  const body = Buffer.concat(parts).toString()
  seen.push({ url: req.url ?? '', body })
  answer(body, res, req)
})
await new Promise<void>((r) => up.listen(0, '127.0.0.1', r))
const base = `http://127.0.0.1:${(up.address() as AddressInfo).port}/v1`
up.unref()
let n = 0
async function agent(model: object = {}, limits: object = { session: { calls: 50, tokens: 100_000, moneyUsd: '5' } }) {
  n += 1
  return enrol(ground, { name: `probe-${n}`, limits: limits as never, more: { models: [{ name: 'fake', wire: 'openai', baseUrl: base, apis: ['chat', 'responses', 'embeddings'], prices, maxOutputTokens: 1000, ...model }] } as never })
}
const json = (o: object, status = 200) => (_b: string, res: ServerResponse) => { res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(o)) }
const comp = (more: object = {}) => ({ id: 'x', object: 'chat.completion', created: 1, model: 'fake', choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }, ...more })
async function probe(name: string, body: unknown, o: { model?: object; answer?: typeof answer; path?: string; limits?: object; headers?: Record<string, string> } = {}) {
  seen = []
  answer = o.answer ?? json(comp())
  const a = await agent(o.model, o.limits)
  await using s = await a.open()
  const r = await s.post(body as never, { path: o.path ?? '/v1/chat/completions', headers: o.headers ?? {} })
  const d = await s.detail()
  const b = d.budgets.map((x: any) => `${x.unit}: s${x.settled} u${x.unknown} r${x.reserved} o${x.overrun}/${x.limit}`).join('; ')
  log(`== ${name}\n   ${r.status} ${r.headers.get('content-type')} ${r.text.slice(0, 500).replaceAll('\n', '\\n')}\n   calls ${d.calls.map((c: any) => c.state + ':' + (c.code ?? '')).join(',')} | ${b}\n   upstream saw ${seen.map((x) => x.body.slice(0, 300)).join(' || ')}`)
}
test('probes', async () => {
  log('######## ' + new Date().toISOString())
  await probe('json to a stream request', chat({ stream: true }))
  await probe('zero usage', chat(), { answer: json(comp({ usage: { prompt_tokens: 0, completion_tokens: 0 } })) })
  await probe('duplicate model', '{"model":"other","model":"fake","messages":[{"role":"user","content":"hi"}]}')
  await probe('duplicate max_tokens', '{"model":"fake","max_tokens":100000,"messages":[{"role":"user","content":"hi"}],"max_tokens":1}')
  await probe('case model', '{"model":"fake","MODEL":"gpt-5-pro","messages":[{"role":"user","content":"hi"}],"Max_Tokens":1000000}')
  await probe('max_tokens text', chat({ max_tokens: '100000' }))
  await probe('max_tokens -1', chat({ max_tokens: -1 }))
  await probe('n text', chat({ n: '5' }))
  await probe('no limit', { model: 'fake', messages: [{ role: 'user', content: 'hi' }] }, { answer: json(comp({ usage: { prompt_tokens: 10, completion_tokens: 150_000 } })) })
  await probe('priority', chat({ service_tier: 'priority' }), { answer: json(comp({ service_tier: 'priority' })) })
  await probe('302', chat(), { answer: (_b, res) => { res.writeHead(302, { location: 'http://evil/' }).end('moved') } })
  await probe('304', chat(), { answer: (_b, res) => { res.writeHead(304).end() } })
  await probe('204', chat(), { answer: (_b, res) => { res.writeHead(204).end() } })
  await probe('stream to plain request', chat(), { answer: (_b, res) => { res.writeHead(200, { 'content-type': 'text/event-stream' }).end(`data: ${JSON.stringify({ ...comp(), choices: [{ index: 0, delta: { content: 'x' } }] })}\n\ndata: [DONE]\n\n`) } })
  const seal = { type: 'reasoning', id: 'rs_0199_0', summary: [], encrypted_content: 'anthropic-signature:abc' }
  const resp = { id: 'resp_1', object: 'response', status: 'completed', model: 'fake', output: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'hi', annotations: [] }] }], usage: { input_tokens: 10, output_tokens: 5 } }
  await probe('sealed to openai', { model: 'fake', input: [{ role: 'user', content: 'a' }, seal, { role: 'user', content: 'b' }], max_output_tokens: 100 }, { path: '/v1/responses', answer: json(resp) })
  await probe('responses json to stream', { model: 'fake', input: 'a', stream: true, max_output_tokens: 100 }, { path: '/v1/responses', answer: json(resp) })
  await probe('responses no limit', { model: 'fake', input: 'a' }, { path: '/v1/responses', answer: json(resp) })
  await probe('gzip reply', chat(), { answer: (_b, res) => { res.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(Buffer.from([31, 139, 8])) } })
  await probe('slash model', chat({ model: 'meta/llama-3:free' }), { model: { name: 'meta/llama-3:free' } })
  await probe('beta query', chat(), { path: '/v1/chat/completions?beta=true' })
  await probe('empty body', '')
  await probe('stream string', chat({ stream: 'true' }))
  await probe('bom', '\ufeff' + JSON.stringify(chat()))
  await probe('proto', '{"__proto__":{"model":"x"},"model":"fake","messages":[]}')
  await probe('stream_options null', chat({ stream: true, stream_options: null }), { answer: (b, res) => { res.writeHead(200, { 'content-type': 'text/event-stream' }).end(`data: ${JSON.stringify({ ...comp(), choices: [{ index: 0, delta: { content: 'x' } }] })}\n\ndata: [DONE]\n\n`) } })
  await probe('anthropic speed fast', { model: 'fake', max_tokens: 100, speed: 'fast', inference_geo: 'us', messages: [{ role: 'user', content: 'a' }] }, { path: '/v1/messages', model: { wire: 'anthropic', apis: ['messages'] }, answer: json({ type: 'message', role: 'assistant', content: [{ type: 'text', text: 'x' }], usage: { input_tokens: 10, output_tokens: 5, speed: 'fast' } }) })
})
