// Calls over real HTTP on the loopback: where they may go, what a reply means, what stays secret.
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, suite, test } from 'node:test'
import type { ToolEnd } from '../tools/backend.ts'
import { GuardedPools, type ResolveHost } from './guarded-pools.ts'
import { OpenApiBackend } from './openapi-backend.ts'
import type { OpenApiServer } from './openapi-server.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void

const owner = new AsyncDisposableStack()
after(() => owner.disposeAsync())

/** What arrived, and how the next request is answered. */
const api = { seen: [] as string[], handle: undefined as Handler | undefined }
const listening = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')))
  request.on('end', () => {
    api.seen.push(`${request.method ?? ''} ${request.url ?? ''} ${request.headers.host ?? ''}`)
    if (api.handle === undefined) response.end('{}')
    else api.handle(request, response, body)
  })
})
await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
owner.defer(async () => {
  listening.closeAllConnections()
  await new Promise((resolve) => listening.close(resolve))
})
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
const { port } = listening.address() as AddressInfo

const document = {
  openapi: '3.1.0',
  info: { title: 'Orders', version: '1' },
  paths: {
    '/orders': {
      get: { operationId: 'read' },
      post: {
        operationId: 'write',
        requestBody: { content: { 'application/json': { schema: {} } } },
      },
    },
  },
}

function server(more: Partial<OpenApiServer> = {}): OpenApiServer {
  return {
    transport: 'openapi',
    document: { inline: document },
    baseUrl: `http://127.0.0.1:${port}`,
    operations: ['*'],
    headers: {},
    allowPrivate: ['127.0.0.1'],
    idempotencyHeader: 'Idempotency-Key',
    unknownStatuses: [],
    responseBytesMax: 1000,
    timeoutMs: 5000,
    ...more,
  }
}

function backend(resolve?: ResolveHost, log: (message: string) => void = () => undefined) {
  const made = new OpenApiBackend({
    secretOf: (name) => (name === 'KEY' ? 's3cret-"/e' : undefined),
    log,
    pools: new GuardedPools(resolve === undefined ? {} : { resolve }),
  })
  return owner.use(made)
}

const plain = backend()

async function call(
  tool: 'read' | 'write',
  options: {
    server?: OpenApiServer
    handle?: Handler
    from?: OpenApiBackend
    signal?: AbortSignal
  } = {},
): Promise<ToolEnd> {
  api.seen.length = 0
  api.handle = options.handle
  const target = { name: 'api', server: options.server ?? server(), tool }
  const meta = {
    'airworthy/session': 's',
    ...(tool === 'write' ? { 'airworthy/effect-key': 'k' } : {}),
  }
  const { signal } = options
  return (options.from ?? plain).call(target, { args: {}, meta, signal })
}

/** `failed upstream.timeout`, `result`, `isError`. */
function kindOf(end: ToolEnd): string {
  if (end.kind !== 'result') return `${end.kind} ${end.error.code}`
  return end.result.isError === true ? 'isError' : 'result'
}

function textOf(end: ToolEnd): string {
  assert.ok(end.kind === 'result', kindOf(end))
  const [part] = end.result.content
  return part?.type === 'text' ? part.text : ''
}

function json(status: number, value: unknown, headers: Record<string, string> = {}): Handler {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(value))
  }
}

function named(host: string): OpenApiServer {
  return server({ baseUrl: `http://${host}:${port}` })
}

suite('where a call may go', () => {
  test('the address that was checked is the one that is connected to, under the name', async () => {
    const from = backend(async () => ['127.0.0.1'])
    assert.equal(kindOf(await call('read', { from, server: named('orders.example') })), 'result')
    assert.deepEqual(api.seen, [`GET /orders orders.example:${port}`])
  })

  test('a name that turns private after it was enrolled is refused, and nothing is sent', async () => {
    const answers = ['93.184.215.14', '127.0.0.1']
    const from = backend(async () => [answers.shift() ?? '127.0.0.1'])
    const rebinding = server({ baseUrl: `http://rebind.example:${port}`, allowPrivate: [] })
    assert.equal((await from.list('api', rebinding)).length, 2)
    const end = await call('write', { from, server: rebinding })
    assert.equal(kindOf(end), 'failed upstream.address_forbidden')
    assert.deepEqual(api.seen, [])
  })

  test('one private address among public ones is enough to refuse', async () => {
    const from = backend(async () => ['93.184.215.14', '::ffff:127.0.0.1'])
    const end = await call('write', { from, server: named('mixed.example') })
    assert.equal(kindOf(end), 'failed upstream.address_forbidden')
  })

  for (const host of [
    '127.0.0.1',
    '0x7f.1',
    '2130706433',
    '[::ffff:127.0.0.1]',
    '[::1]',
    'localhost',
  ]) {
    test(`${host} is refused when nothing allows it, at enrolment and at a call`, async () => {
      const closed = server({ baseUrl: `http://${host}:${port}`, allowPrivate: [] })
      await assert.rejects(plain.list('api', closed), { code: 'upstream.address_forbidden' })
      assert.equal(
        kindOf(await call('write', { server: closed })),
        'failed upstream.address_forbidden',
      )
      assert.deepEqual(api.seen, [])
    })
  }

  for (const status of [301, 302, 303, 307, 308]) {
    test(`a redirect ${status} is not followed`, async () => {
      const handle = json(status, {}, { location: `http://127.0.0.1:${port}/elsewhere` })
      assert.equal(kindOf(await call('read', { handle })), 'isError')
      assert.equal(api.seen.length, 1)
    })
  }

  test('a document at a private address is not fetched', async () => {
    const remote = server({
      document: { url: `http://127.0.0.1:${port}/api.json`, refreshSeconds: 60 },
      allowPrivate: [],
      baseUrl: 'https://8.8.8.8',
    })
    api.seen.length = 0
    await assert.rejects(plain.list('api', remote), { code: 'upstream.address_forbidden' })
    assert.deepEqual(api.seen, [])
  })

  const refused: [string, Partial<OpenApiServer>, RegExp][] = [
    [
      'a secret in the clear to a public address',
      { auth: { kind: 'bearer', env: 'KEY' }, baseUrl: 'http://8.8.8.8' },
      /is public, and a secret goes there over https/,
    ],
    ['a variable that there is not', { auth: { kind: 'bearer', env: 'NO' } }, /no NO/],
    ['a range that is none', { allowPrivate: ['10.0.0.0/40'] }, /allowPrivate/],
    ['an operation that there is not', { operations: ['no'] }, /of api cannot be served: no op/],
  ]
  for (const [name, more, message] of refused) {
    test(`enrolment refuses ${name}`, () =>
      assert.rejects(plain.list('api', server(more)), message))
  }
})

const plainText: Handler = (_, response) => response.end('hello')
const nothing: Handler = (_, response) => response.writeHead(201, { location: '/orders/7' }).end()
const hugeId: Handler = (_, response) => response.end('{"id":9007199254740993,"n":1.5}')
const flooding: Handler = (_, response) => {
  response.writeHead(200)
  const flood = (): void => {
    while (response.write('x'.repeat(10_000)));
    response.once('drain', flood)
  }
  response.on('error', () => undefined)
  flood()
}
const cut: Handler = (_, response) => response.destroy()
const half: Handler = (_, response) => {
  response.writeHead(200, { 'content-length': '50' })
  response.write('{', () => response.destroy())
}
const never: Handler = () => undefined

suite('what a reply means', () => {
  const statuses: [number, string, string][] = [
    [200, 'result', 'result'],
    [202, 'result', 'result'],
    [303, 'isError', 'unknown upstream.refused'],
    [307, 'isError', 'isError'],
    [400, 'isError', 'isError'],
    [404, 'isError', 'isError'],
    [408, 'isError', 'unknown upstream.refused'],
    [409, 'isError', 'isError'],
    [425, 'isError', 'isError'],
    [429, 'isError', 'isError'],
    [499, 'isError', 'unknown upstream.refused'],
    [500, 'isError', 'unknown upstream.refused'],
    [503, 'isError', 'unknown upstream.refused'],
  ]
  for (const [status, read, write] of statuses) {
    test(`${status}: a read ends in ${read}, a write in ${write}`, async () => {
      const handle = json(status, { said: 'so' })
      assert.equal(kindOf(await call('read', { handle })), read)
      assert.equal(kindOf(await call('write', { handle })), write)
    })
  }

  test('a status that the manifest calls unknown is', async () => {
    const strict = server({ unknownStatuses: [409] })
    const end = await call('write', { server: strict, handle: json(409, {}) })
    assert.equal(kindOf(end), 'unknown upstream.refused')
  })

  test('what the API says of a refusal reaches the agent', async () => {
    const handle = json(429, { error: 'slow down' }, { 'retry-after': '7' })
    const end = await call('write', { handle })
    assert.deepEqual(end.kind === 'result' && end.result.structuredContent, {
      failed: true,
      code: 'upstream.refused',
      status: 429,
      message: 'the API answered 429',
      retryAfter: '7',
      reply: { error: 'slow down' },
    })
  })

  test('an object is structured content; a list, a text and nothing are what they are', async () => {
    const object = await call('read', { handle: json(200, { id: 1 }) })
    assert.deepEqual(object.kind === 'result' && object.result.structuredContent, { id: 1 })
    assert.equal(textOf(await call('read', { handle: json(200, [1, 'a']) })), '[1,"a"]')
    assert.equal(textOf(await call('read', { handle: plainText })), 'hello')
    assert.equal(
      textOf(await call('write', { handle: nothing })),
      '{"status":201,"location":"/orders/7"}',
    )
  })

  test('an id that a double cannot hold keeps its digits', async () => {
    assert.equal(
      textOf(await call('read', { handle: hugeId })),
      '{"id":"9007199254740993","n":1.5}',
    )
  })

  test('a reply beyond the limit is not read to its end; what was done stays done', async () => {
    assert.match(
      textOf(await call('write', { handle: flooding })),
      /done; its reply passes 1000 bytes/,
    )
    assert.equal(kindOf(await call('read', { handle: flooding })), 'isError')
  })

  test('a connection that breaks, or never answers: a write is unknown', async () => {
    assert.equal(kindOf(await call('write', { handle: cut })), 'unknown upstream.interrupted')
    assert.match(kindOf(await call('write', { handle: half })), /^unknown upstream\./)
    const silent = server({ timeoutMs: 100 })
    assert.equal(
      kindOf(await call('write', { server: silent, handle: never })),
      'unknown upstream.timeout',
    )
  })

  test('nothing was sent when nobody listens, or the call was cancelled before', async () => {
    const away = server({ baseUrl: 'http://127.0.0.1:1' })
    assert.equal(kindOf(await call('write', { server: away })), 'failed upstream.unreachable')
    const lost = server({ baseUrl: 'http://a.example' })
    const from = backend(() =>
      Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })),
    )
    assert.equal(kindOf(await call('write', { from, server: lost })), 'failed upstream.unreachable')
    assert.equal(
      kindOf(await call('write', { signal: AbortSignal.abort() })),
      'failed client.closed',
    )
    assert.deepEqual(api.seen, [])
  })

  test('cancelled under way, a write is unknown', async () => {
    const cancel = new AbortController()
    const handle: Handler = () => cancel.abort()
    const end = await call('write', { handle, signal: cancel.signal })
    assert.equal(kindOf(end), 'unknown client.closed')
  })
})

suite('credentials', () => {
  const secret = 's3cret-"/e'
  const auths: [string, OpenApiServer['auth'], (request: IncomingMessage) => unknown, string][] = [
    ['bearer', { kind: 'bearer', env: 'KEY' }, (r) => r.headers.authorization, `Bearer ${secret}`],
    [
      'header',
      { kind: 'header', header: 'X-Key', env: 'KEY', prefix: 'Token ' },
      (r) => r.headers['x-key'],
      `Token ${secret}`,
    ],
    [
      'query',
      { kind: 'query', parameter: 'key', env: 'KEY' },
      (r) => new URL(r.url ?? '', 'http://h').searchParams.get('key'),
      secret,
    ],
    [
      'basic',
      { kind: 'basic', username: 'u', env: 'KEY' },
      (r) => r.headers.authorization,
      `Basic ${btoa(`u:${secret}`)}`,
    ],
    [
      'basic without a name',
      { kind: 'basic', env: 'KEY' },
      (r) => r.headers.authorization,
      `Basic ${btoa(`${secret}:`)}`,
    ],
  ]
  for (const [name, auth, read, expected] of auths) {
    test(`${name}: reaches the API, and no reply that repeats it reaches the agent`, async () => {
      const got: unknown[] = []
      const logged: string[] = []
      const from = backend(undefined, (message) => logged.push(message))
      for (const status of [200, 400]) {
        const handle: Handler = (request, response) => {
          got.push(read(request))
          const echo = {
            [secret]: [secret, request.headers, request.url, encodeURIComponent(secret)],
          }
          json(status, echo, { 'retry-after': secret })(request, response, '')
        }
        const end = await call('read', { from, server: server({ auth }), handle })
        const text = JSON.stringify(end)
        for (const form of [
          secret,
          secret.replace('"', '\\\\\\"'),
          encodeURIComponent(secret),
          btoa(`u:${secret}`),
          btoa(`${secret}:`),
        ]) {
          assert.equal(
            text.includes(form) ||
              JSON.stringify(end.kind === 'result' && end.result.structuredContent).includes(
                JSON.stringify(form).slice(1, -1),
              ),
            false,
            form,
          )
        }
        assert.match(text, /credential removed by Airworthy/)
      }
      assert.deepEqual(got, [expected, expected])
      assert.equal(logged.length, 2)
    })
  }

  test('in a text and in bytes, too', async () => {
    const auth = { kind: 'bearer', env: 'KEY' } as const
    for (const type of ['text/plain', 'image/png', 'text/html']) {
      const handle: Handler = (_, response) => {
        response.writeHead(200, { 'content-type': type }).end(`<a ${secret}>`)
      }
      const end = await call('read', { server: server({ auth }), handle })
      assert.equal(textOf(end).includes(secret), false)
      assert.match(textOf(end), /credential removed/)
    }
  })

  test('the effect key of a write goes out in its header; a read has none', async () => {
    const keys: unknown[] = []
    const handle: Handler = (request, response) => {
      keys.push(request.headers['idempotency-key'], request.headers['x-once'])
      response.end('{}')
    }
    await call('write', { handle })
    await call('read', { handle })
    await call('write', { handle, server: server({ idempotencyHeader: 'X-Once' }) })
    await call('write', { handle, server: server({ idempotencyHeader: false }) })
    assert.deepEqual(keys, [
      'k',
      undefined,
      undefined,
      undefined,
      undefined,
      'k',
      undefined,
      undefined,
    ])
  })
})

suite('a document at a URL', () => {
  test('is asked for by its mark, and not read again while it is the same', async () => {
    const asked: unknown[] = []
    api.handle = (request, response) => {
      asked.push(request.headers['if-none-match'])
      if (request.headers['if-none-match'] === '"v1"') response.writeHead(304).end()
      else response.writeHead(200, { etag: '"v1"' }).end(JSON.stringify(document))
    }
    const url = `http://127.0.0.1:${port}/api.json`
    const remote = server({ document: { url, refreshSeconds: 0 } })
    const target = { name: 'api', server: remote, tool: 'read' }
    const first = await plain.hashOf(target)
    for (let round = 0; round < 500 && asked.length < 3; round += 1) {
      assert.equal(await plain.hashOf(target), first)
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.deepEqual(asked.slice(0, 3), [undefined, '"v1"', '"v1"'])
  })

  test('a change of it is drift; its copy serves while it is away', async () => {
    let version: object | undefined = document
    const handle: Handler = (request, response) => {
      if (request.url !== '/api.json') response.end('{}')
      else if (version === undefined) response.writeHead(503).end()
      else response.end(JSON.stringify(version))
    }
    api.handle = handle
    const remote = server({
      document: { url: `http://127.0.0.1:${port}/api.json`, refreshSeconds: 0 },
    })
    const target = { name: 'api', server: remote, tool: 'read' }
    const first = await plain.hashOf(target)
    assert.ok(first)
    version = undefined
    await plain.hashOf(target)
    assert.equal(await plain.hashOf(target), first)
    assert.equal(kindOf(await call('read', { server: remote, handle })), 'result')
    const moved = { '/moved': { get: { operationId: 'read' } } }
    version = { ...document, paths: moved }
    let now: string | undefined = first
    for (let round = 0; round < 500 && now === first; round += 1) {
      now = await plain.hashOf(target)
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.notEqual(now, first)
    // A call that was decided before the change goes where it was decided to; others go on.
    const calls = [{ pinnedHash: first }, { pinnedHash: now }, { pinnedHash: 'unknown' }, {}]
    for (const more of calls) await plain.call(target, { args: {}, meta: {}, ...more })
    const called = api.seen.filter((line) => !line.includes('api.json'))
    const paths = called.slice(-4).map((line) => line.split(' ')[1])
    assert.deepEqual(paths, ['/orders', '/moved', '/moved', '/moved'])
  })

  test('one with another hash than the manifest gives is not used', async () => {
    api.handle = (_, response) => response.end(JSON.stringify(document))
    const url = `http://127.0.0.1:${port}/api.json`
    const pinned = server({ document: { url, sha256: '0'.repeat(64), refreshSeconds: 60 } })
    await assert.rejects(plain.list('api', pinned), { code: 'tool.drift' })
    const end = await call('write', { server: pinned, handle: api.handle })
    assert.equal(kindOf(end), 'failed tool.drift')
  })
})
