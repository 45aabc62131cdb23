import { execFile } from 'node:child_process'
import { createServer, type Socket } from 'node:net'
import { createServer as createHttp } from 'node:http'
import { readFileSync, appendFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { prices } from './harness/manifest.ts'

const ground = await standGround()
const { server } = ground
const log = (...a: unknown[]): void => appendFileSync('/tmp/h/critic/probe2.out', a.map((x) => typeof x === 'string' ? x : JSON.stringify(x)).join(' ') + '\n')
const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024
function cli(...args: string[]): Promise<void> {
  return new Promise((r) => execFile(process.execPath, ['server/bin/airworthy.js', ...args], { env: { ...process.env, AIRWORTHY_URL: server.url, AIRWORTHY_OPERATOR_KEY: server.operatorKey } }, (e, out, err) => { log(`$ airworthy ${args.join(' ')} [${e?.code ?? 0}]\n${out}--stderr: ${err}`); r() }))
}
const limits = { session: { calls: 500, tokens: 100_000_000 } }
test('cli', async () => {
  log('######## ' + new Date().toISOString())
  for (const a of [['upstream', 'list'], ['prices', 'check'], ['prices', 'list', 'gpt-4.1'], ['prices', 'list', 'zzzz'], ['estimate'], ['estimate', '--model', 'gpt-4.1'], ['route', 'report', 'nobody'], ['cache', 'stats'], ['cache', 'review'], ['budget', 'list'], ['budget', 'alerts'], ['call', 'reconcile', '--help']]) await cli(...a)
  const name = 'cli-agent'
  const agent = await enrol(ground, { name, limits, more: { models: [{ name: 'fake', wire: 'openai', baseUrl: ground.upstream.base('echo', name), prices, maxOutputTokens: 1000, cache: { semantic: {} } }] } })
  await using s = await agent.open()
  for (const t of ['How do I reset my password?', 'How can I reset my password?', 'How can I reset my password??']) { await s.post(chat({ messages: [{ role: 'user', content: t }] })); await sleep(700) }
  for (const a of [['upstream', 'list'], ['prices', 'check'], ['route', 'report', name], ['cache', 'stats'], ['cache', 'review'], ['estimate', '--agent', name, '--model', 'openai/gpt-4.1']]) await cli(...a)
})
test('keepalive', async () => {
  // an upstream that closes the idle connection just as the next request comes
  let n = 0
  const up = createServer((socket: Socket) => {
    let requests = 0
    socket.on('error', () => {})
    socket.on('data', () => {
      requests += 1; n += 1
      if (requests === 1) {
        const b = JSON.stringify({ id: 'x', object: 'chat.completion', created: 1, model: 'fake', choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } })
        socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${b.length}\r\n\r\n${b}`)
      } else socket.destroy()
    })
  })
  await new Promise<void>((r) => up.listen(0, '127.0.0.1', r))
  const baseUrl = `http://127.0.0.1:${(up.address() as AddressInfo).port}/v1`
  const agent = await enrol(ground, { name: 'keep', limits, more: { models: [{ name: 'fake', wire: 'openai', baseUrl, prices, maxOutputTokens: 1000 }] } })
  await using s = await agent.open()
  for (let i = 0; i < 3; i++) { const r = await s.post(chat()); log('keepalive', i, r.status, r.code ?? '') }
  const d = await s.detail(); log('calls', d.calls.map((c: any) => c.state), d.budgets)
  up.close()
})
test('memory', async () => {
  // A long stream to a client that does not read
  const up = createHttp((req, res) => {
    req.resume()
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    const piece = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'word '.repeat(200) } }] })}\n\n`
    let sent = 0
    const go = (): void => { while (sent < 30 * 1024 * 1024) { sent += piece.length; if (!res.write(piece)) { res.once('drain', go); return } } res.end('data: [DONE]\n\n') }
    go()
    res.on('close', () => log('upstream sent MB', (sent / 1e6).toFixed(1)))
  })
  await new Promise<void>((r) => up.listen(0, '127.0.0.1', r))
  const baseUrl = `http://127.0.0.1:${(up.address() as AddressInfo).port}/v1`
  const agent = await enrol(ground, { name: 'mem', limits, more: { models: [{ name: 'fake', wire: 'openai', baseUrl, prices, maxOutputTokens: 100_000_000 }] } })
  await using s = await agent.open()
  log('rss before', rss())
  const leaving = new AbortController()
  const rs = await Promise.all(Array.from({ length: 10 }, () => fetch(`${server.url}/s/${s.sessionKey}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${agent.apiKey}` }, body: JSON.stringify(chat({ stream: true, max_tokens: 1_000_000 })), signal: leaving.signal })))
  await sleep(1500)
  log('rss with 10 stalled readers', rss())
  leaving.abort()
  await sleep(1000)
  log('rss after abort', rss(), rs.length)
  // big body
  const big = chat({ messages: [{ role: 'user', content: 'x'.repeat(3.9 * 1024 * 1024) }] })
  const t = performance.now()
  const r = await s.post(big)
  log('3.9 MB body', r.status, (performance.now() - t).toFixed(0), 'ms')
  const r2 = await s.post(chat({ messages: [{ role: 'user', content: 'x'.repeat(5 * 1024 * 1024) }] })).catch((e) => ({ status: String(e), text: '' }))
  log('5 MB body', r2.status, r2.text.slice(0, 200))
  const d = await s.detail(); log('calls', d.calls.slice(0, 12).map((c: any) => `${c.state}:${c.code}`), d.budgets.filter((b: any) => b.unit === 'tokens'))
  up.closeAllConnections(); up.close()
})
