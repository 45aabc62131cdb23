// Every fault, as a client that knows nothing but HTTP meets it.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { get } from 'node:http'
import { after, describe, test } from 'node:test'
import { type FaultName, faultTable } from './fault-table.ts'
import { field, parseJson } from './json.ts'
import { startFakeProvider } from './server.ts'

const provider = await startFakeProvider()
after(() => provider[Symbol.asyncDispose]())

const content = 'Write 40 tokens'
/** Long enough for a busy machine; a fault that keeps silent costs so much. */
const patienceMs = 400

type Seen = {
  /** The reply's status; 0: the connection broke before there was one. */
  readonly status: number
  readonly text: string
  readonly headers: Headers
  readonly end: 'whole' | 'broken' | 'silent'
}

async function ask(fault: string, stream: boolean): Promise<Seen> {
  const seen = { status: 0, text: '', headers: new Headers() }
  const body = { model: `fake${fault}`, messages: [{ role: 'user', content }], stream }
  const signal = /silence/.test(fault) ? AbortSignal.timeout(patienceMs) : null
  try {
    const reply = await fetch(`${provider.url}/openai/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer sk-fake' },
      body: JSON.stringify({
        ...body,
        ...(stream ? { stream_options: { include_usage: true } } : {}),
      }),
      signal,
    })
    seen.status = reply.status
    seen.headers = reply.headers
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    for await (const chunk of reply.body ?? []) seen.text += decoder.decode(chunk, { stream: true })
    return { ...seen, end: 'whole' }
  } catch (thrown) {
    const isTimeout = thrown instanceof Error && thrown.name === 'TimeoutError'
    return { ...seen, end: isTimeout ? 'silent' : 'broken' }
  }
}

const done = 'data: [DONE]\n\n'
const isWhole = ({ status, text }: Seen, stream: boolean): boolean =>
  status === 200 && (stream ? text.endsWith(done) : field(parseJson(text), 'usage') !== undefined)

/** What must be seen, by fault; for both kinds of reply where the function does not ask. */
const expected: Readonly<Record<FaultName, (seen: Seen, stream: boolean) => boolean>> = {
  latency: isWhole,
  'slow-bytes': isWhole,
  'split-bytes': isWhole,
  'status-400': ({ status }) => status === 400,
  'status-401': ({ status }) => status === 401,
  'status-404': ({ status }) => status === 404,
  'status-408': ({ status }) => status === 408,
  'status-429': ({ status, headers }) => status === 429 && !headers.has('retry-after'),
  'retry-after-seconds': ({ headers }) => headers.get('retry-after') === '1',
  'retry-after-date': ({ headers }) => {
    const atMs = Date.parse(headers.get('retry-after') ?? '')
    return atMs > Date.now() - 1000 && headers.get('retry-after')?.endsWith('GMT') === true
  },
  'retry-after-ms': ({ headers }) => headers.get('retry-after-ms') === '200',
  'status-500': ({ status, text }) => status === 500 && text.includes('"server_error"'),
  'status-502': ({ status }) => status === 502,
  'status-503': ({ status }) => status === 503,
  'status-503-retry-after': ({ status, headers }) => status === 503 && headers.has('retry-after'),
  'status-529': ({ status }) => status === 529,
  'html-error': ({ status, text }) => status === 502 && text.startsWith('<html>'),
  'wrong-status': ({ status, text }) => status === 500 && text.includes('aye'),
  'reset-unread': ({ status, end }) => status === 0 && end === 'broken',
  'reset-before-reply': ({ status, end }) => status === 0 && end === 'broken',
  'reset-after-headers': ({ text, end }) => text === '' && end === 'broken',
  'reset-mid-body': ({ text, end }) => text.length > 100 && end === 'broken',
  'cut-stream': ({ text, end }, stream) =>
    text.length > 100 && !text.includes('[DONE]') && end === (stream ? 'whole' : 'broken'),
  'half-event': ({ text, end }, stream) =>
    end === 'whole' && (stream ? !text.endsWith('\n\n') : parseJson(text) === undefined),
  silence: ({ status, end }) => status === 0 && end === 'silent',
  'silence-after-headers': ({ status, text, end }) =>
    status === 200 && text === '' && end === 'silent',
  'silence-mid-body': ({ text, end }) => text.length > 100 && end === 'silent',
  'error-event': ({ status, text }) =>
    status === 200 && text.includes('a fake error') && !text.includes('[DONE]'),
  'bad-json': ({ status, text }, stream) =>
    status === 200 && (stream ? text.includes(',,\n') : parseJson(text) === undefined),
  'wrong-content-type': ({ headers }) =>
    headers.get('content-type')?.startsWith('text/plain') === true,
  'no-blank-line': ({ text }, stream) =>
    stream ? !text.includes('\n\n') : parseJson(text) !== undefined,
  crlf: ({ text }, stream) => !stream || text.includes('data: [DONE]\r\n\r\n'),
  comments: ({ text }, stream) => !stream || text.includes(': still here\n\n'),
  bom: ({ text }, stream) => !stream || text.startsWith('\uFEFFdata:'),
  oversized: ({ text }) => text.length > 100_000,
  'usage-missing': ({ text }) => !/"usage":\s*\{/.test(text),
  'usage-negative': ({ text }) => /"completion_tokens":-/.test(text),
  'usage-text': ({ text }) => /"completion_tokens":"40"/.test(text),
  'usage-huge': ({ text }) => /"completion_tokens":1000040/.test(text),
  'close-kept-alive': isWhole,
}

const short: Partial<Record<FaultName, string>> = {
  latency: ':ms=5,chunkMs=1',
  'slow-bytes': ':bytes=200,ms=1',
  oversized: ':bytes=100000',
}

describe('each fault is what it says', () => {
  for (const [name, holds] of Object.entries(expected)) {
    for (const stream of [false, true]) {
      test(`${name}, ${stream ? 'streamed' : 'whole'}`, async () => {
        const options = name in short ? Reflect.get(short, name) : ''
        const seen = await ask(`!${name}${String(options)}`, stream)
        assert.ok(holds(seen, stream), JSON.stringify({ ...seen, text: seen.text.slice(-300) }))
        assert.deepEqual(provider.books.last()?.faults, [name])
      })
    }
  }

  test('the README names every fault', async () => {
    const text = await readFile(new URL('README.md', import.meta.url), 'utf8')
    for (const name of Object.keys(faultTable)) assert.ok(text.includes(`\`${name}\``), name)
  })
})

describe('the books bill what was generated', () => {
  const cases: readonly (readonly [string, boolean, (outputTokens: number) => boolean])[] = [
    ['', true, (n) => n === 40],
    ['!reset-before-reply', true, (n) => n === 40],
    ['!reset-unread', true, (n) => n === 0],
    ['!status-503', false, (n) => n === 0],
    ['!cut-stream:at=0.5', true, (n) => n > 8 && n < 32],
    ['!reset-mid-body', false, (n) => n === 40],
  ]
  for (const [fault, stream, holds] of cases) {
    test(fault === '' ? 'a good reply' : fault, async () => {
      const before = provider.books.totals.outputTokens
      await ask(fault, stream)
      const billed = provider.books.totals.outputTokens - before
      assert.ok(holds(billed), `${billed} tokens`)
      const last = provider.books.last()
      assert.equal(last?.outputTokens, billed)
      assert.equal((last?.promptTokens ?? 0) > 0, billed > 0)
    })
  }
})

const statuses = async (seed: string): Promise<number[]> => {
  await using one = await startFakeProvider()
  one.setFaults({ seed, faults: [{ name: 'status-503', probability: 0.5 }] })
  const found: number[] = []
  for (let n = 0; n < 16; n += 1) {
    const reply = await fetch(`${one.url}/ollama/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x' }] }),
    })
    await reply.text()
    found.push(reply.status)
  }
  return found
}

const setFaults = (faults: object): Promise<Response> =>
  fetch(`${provider.controlUrl}/__faults`, { method: 'POST', body: JSON.stringify({ faults }) })

const callAt = async (at: string): Promise<number> => {
  const reply = await fetch(`${provider.url}/at/${at}/vllm/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x' }] }),
  })
  await reply.text()
  return reply.status
}

describe('a programme', () => {
  test('draws the same faults for the same seed', async () => {
    const first = await statuses('a')
    assert.deepEqual(await statuses('a'), first)
    assert.notDeepEqual(await statuses('b'), first)
    assert.ok(first.includes(200) && first.includes(503))
  })

  test('is set over HTTP, for one endpoint and so many times, and refuses what it does not know', async () => {
    assert.equal((await setFaults([{ name: 'no-such-fault' }])).status, 400)
    assert.equal((await setFaults([{ name: 'latency', options: { hours: 1 } }])).status, 400)
    assert.equal((await setFaults([{ name: 'status-500', at: 'one', times: 1 }])).status, 200)
    assert.deepEqual(
      [await callAt('two'), await callAt('one'), await callAt('one')],
      [200, 500, 200],
    )
    await setFaults([])
  })
})

/** On a connection of its own: a pooled one may still have an old reset in it. */
const call = (): Promise<string> =>
  new Promise((resolve) => {
    const asked = get(`${provider.url}/vllm/v1/models`, { agent: false }, (reply) => {
      reply.resume().once('close', () => resolve(String(reply.statusCode)))
    })
    asked.once('error', (error) => resolve(String(Reflect.get(error, 'code'))))
  })

const setConnections = (connections: string): Promise<Response> =>
  fetch(`${provider.controlUrl}/__state`, {
    method: 'POST',
    body: JSON.stringify({ connections }),
  })

describe('a provider that is down', () => {
  test('resets, refuses, and comes back on the same port', async () => {
    assert.equal(await call(), '200')
    await provider.setConnections('reset')
    assert.equal(await call(), 'ECONNRESET')
    await provider.setConnections('refuse')
    assert.equal(await call(), 'ECONNREFUSED')
    assert.equal((await setConnections('ok')).status, 200)
    const isBack = async (): Promise<boolean> => (await call()) === '200'
    while (!(await isBack())) await new Promise((resolve) => setTimeout(resolve, 5))
  })
})
