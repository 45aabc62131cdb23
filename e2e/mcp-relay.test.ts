// What a tool server asks of the agent's client during a call: passed on where the manifest says so,
// to the client whose call it is and to no other, in both revisions on either side.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { accept, connectNewAsked, connectOldAsked } from './harness/asked-clients.ts'
import { startAskingTools } from './harness/asking-http.ts'
import { createAskingServer, lateMs } from './harness/asking-tools.ts'
import { enrol, standGround } from './harness/ground.ts'
import { startHttpTools } from './harness/http-tools.ts'
import { at, type Json, textAt } from './harness/json.ts'
import { entriesOfCall } from './harness/record.ts'
import { createGate, until } from './harness/until.ts'

const ground = await standGround()
const owner = new AsyncDisposableStack()
after(() => owner.disposeAsync())
const newer = owner.use(await startHttpTools({ legacy: false, create: createAskingServer }))
const older = owner.use(await startAskingTools())

const program = join(import.meta.dirname, 'harness', 'asking-program.ts')
const stdio = { transport: 'stdio', command: process.execPath, args: [program] }

const olderHttp = { transport: 'http', url: older.url, protocol: '2025-11-25' }
const olderStdio = { ...stdio, protocol: '2025-11-25' }
const servers: readonly [string, Json][] = [
  ['HTTP, 2026-07-28', { transport: 'http', url: newer.url }],
  ['HTTP, 2025-11-25', olderHttp],
  ['stdio, 2026-07-28', { ...stdio, protocol: '2026-07-28' }],
  ['stdio, 2025-11-25', olderStdio],
]
const clients = [
  ['the 1.32 client', connectOldAsked],
  ['the 2.4 client', connectNewAsked],
] as const

const asking = ['ask_user', 'ask_model', 'ask_files', 'ask_all', 'ask_twice', 'ask_late', 'plain']
const relay = ['sampling', 'elicitation', 'roots']
const permissions = [{ id: 'tools', effect: 'allow', tools: ['desk/*'] }]

async function open(server: Json, more: { timeoutMs?: number; relay?: readonly string[] } = {}) {
  const desk = { timeoutMs: 20_000, relay, ...server, ...more }
  const tools = Object.fromEntries(
    asking.map((name) => [`desk/${name}`, { effect: 'irreversible' }]),
  )
  const agent = await enrol(ground, { toolServers: { desk }, tools, permissions })
  const session = await agent.open()
  const url = `${ground.server.url}/s/${session.sessionKey}/mcp/desk`
  const another = async () => {
    const next = await agent.open()
    return { url: `${ground.server.url}/s/${next.sessionKey}/mcp/desk`, apiKey: agent.apiKey }
  }
  return { door: { url, apiKey: agent.apiKey }, another, detail: session.detail }
}

function textOf(result: Json): string {
  return textAt(result, 'content.0.text')
}

function valueOf(result: Json): unknown {
  return JSON.parse(textOf(result))
}

for (const [where, server] of servers) {
  for (const [name, connect] of clients) {
    test(`${name} is asked by a server over ${where} for its user, its model and its files`, async () => {
      const { door } = await open(server)
      const asked: string[] = []
      await using client = await connect(door, {
        user: (message) => {
          asked.push(message)
          return Promise.resolve(accept(`I am ${message}`))
        },
        model: 'sampled',
        files: 'file:///home',
      })
      const all = valueOf(await client.call('ask_all', 'a'))
      assert.deepEqual(at(all, 'user.content'), { name: 'I am a#1' })
      assert.equal(at(all, 'model.result.content.text'), 'sampled')
      assert.deepEqual(at(all, 'files.roots'), [{ uri: 'file:///home' }])
      const twice = await client.call('ask_twice', 'b')
      assert.deepEqual(at(valueOf(twice), 'user.content'), { name: 'I am b#2' })
      assert.deepEqual(asked, ['a#1', 'b#1', 'b#2'])
      const callId = textAt(twice, '_meta.airworthy/call')
      const entries = await entriesOfCall(ground.database, callId)
      const outcome = entries.find(({ entry }) => entry['type'] === 'call.outcome')
      assert.match(textAt(outcome?.entry, 'body.relayed'), /^elicitation 2\/2 [0-9a-f]{32}$/)
    })
  }
}

for (const [name, connect] of clients) {
  test(`${name} is asked nothing without the manifest's word, and the server knows`, async () => {
    const { door } = await open(olderHttp, { relay: ['roots'] })
    const asked: string[] = []
    await using client = await connect(door, {
      user: (message) => {
        asked.push(message)
        return Promise.resolve(accept('me'))
      },
      model: 'sampled',
      files: 'file:///home',
    })
    for (const tool of ['ask_user', 'ask_model']) {
      const refused = await client.call(tool, 'a')
      assert.equal(refused['isError'], true)
      assert.match(textOf(refused), /capabilit/)
    }
    assert.notEqual((await client.call('ask_files', 'a'))['isError'], true)
    assert.deepEqual(asked, [])
  })

  test(`${name} is asked nothing that it does not have`, async () => {
    const { door } = await open(olderHttp)
    await using client = await connect(door, { model: 'sampled' })
    const refused = await client.call('ask_user', 'a')
    assert.equal(refused['isError'], true)
    assert.match(textOf(refused), /capabilit/)
    assert.notEqual((await client.call('ask_model', 'a'))['isError'], true)
  })

  for (const [where, server] of servers) {
    test(`${name}: sessions at once are asked each for its own calls, over ${where}`, async () => {
      const { door, another } = await open(server)
      const doors = [door, await another(), await another()]
      const gate = createGate()
      let waiting = 0
      const calls = doors.map(async (each, index) => {
        const asked: string[] = []
        const own = `own-${index}`
        await using client = await connect(each, {
          user: async (message) => {
            asked.push(message)
            waiting += 1
            await gate.passed
            return accept(own)
          },
        })
        const result = valueOf(await client.call('ask_user', own))
        return { asked, name: at(result, 'user.content.name') }
      })
      await until('all to be asked at once', () => waiting === doors.length)
      gate.open()
      const expected = doors.map((_, index) => ({
        asked: [`own-${index}#1`],
        name: `own-${index}`,
      }))
      assert.deepEqual(await Promise.all(calls), expected)
    })
  }

  test(`${name} that fails to answer: its word, or the time of the call, ends the call`, async () => {
    const { door, detail } = await open(olderHttp, { timeoutMs: 1000 })
    await using client = await connect(door, { user: () => Promise.reject(new Error('no')) })
    const result = await client.call('ask_user', 'a').catch(() => undefined)
    // The 2.4 client gives up and tells nobody; the other one tells the server, which says what is.
    const isTold = result !== undefined
    if (isTold) assert.equal(result['isError'], true)
    await until('the outcome', async () => {
      const [effect] = (await detail()).effects
      return effect?.state === (isTold ? 'failed' : 'unknown')
    })
  })

  test(`${name} that never answers leaves the effect unknown when the time of the call is over`, async () => {
    const { door, detail } = await open(olderStdio, { timeoutMs: 1000 })
    await using client = await connect(door, {
      user: (_message, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(accept('late')), { once: true })
          // Long after the call has ended, however slow the machine is.
          setTimeout(() => resolve(accept('late')), 6000).unref()
        }),
    })
    const result = await client.call('ask_user', 'a')
    assert.equal(at(result, 'structuredContent.code'), 'effect.unknown')
    const { effects } = await detail()
    assert.deepEqual(
      effects.map((effect) => effect.state),
      ['unknown'],
    )
  })
}

test('a call goes on record as unknown when its client hangs up while it is asked', async () => {
  const { door, detail } = await open(olderHttp)
  const stop = new AbortController()
  await using client = await connectOldAsked(door, {
    user: () => {
      stop.abort()
      return new Promise(() => undefined)
    },
  })
  await assert.rejects(client.call('ask_user', 'a', { signal: stop.signal }))
  await until('the outcome', async () => (await detail()).effects[0]?.state === 'unknown')
})

test('an answer counts once, from the client that was asked, and while the call lasts', async () => {
  const { door, another } = await open(olderHttp)
  const gate = createGate()
  await using client = await connectOldAsked(door, {
    user: async () => {
      await gate.passed
      return accept('me')
    },
  })
  const other = await another()
  await using stranger = await connectOldAsked(other, { user: () => Promise.resolve(accept('')) })
  const bodies: Json[] = []
  const raw = await callRaw(door, client.sessionId() ?? '', (message) => bodies.push(message))
  const question = await until('the question', () =>
    bodies.find((body) => body['method'] === 'elicitation/create'),
  )
  const id = textAt(question, 'id')
  assert(id.length >= 32, 'the name of a question is not to be guessed')
  const answer = { jsonrpc: '2.0', id, result: accept('right') }
  const notMine = await postRaw(other, stranger.sessionId() ?? '', answer)
  assert.deepEqual([notMine.status, notMine.code], [409, 'request.not_awaited'])
  const noClient = await postRaw(door, 'another-client', answer)
  assert.deepEqual([noClient.status, noClient.code], [409, 'request.not_awaited'])
  const right = await postRaw(door, client.sessionId() ?? '', answer)
  assert.equal(right.status, 202)
  await raw.ended
  const result = bodies.find((body) => body['result'] !== undefined)
  assert.equal(
    at(JSON.parse(textAt(result, 'result.content.0.text')), 'user.content.name'),
    'right',
  )
  const again = await postRaw(door, client.sessionId() ?? '', answer)
  assert.deepEqual([again.status, again.code], [409, 'request.not_awaited'])
  gate.open()
})

test('what a server over stdio asks during two calls of one client belongs to neither', async () => {
  const { door } = await open(olderStdio)
  const gate = createGate()
  let waiting = 0
  await using client = await connectOldAsked(door, {
    user: async () => {
      waiting += 1
      await gate.passed
      return accept('me')
    },
  })
  const first = client.call('ask_user', 'a')
  await until('the first question', () => waiting === 1)
  const second = await client.call('ask_user', 'b')
  assert.equal(second['isError'], true)
  gate.open()
  assert.equal(at(valueOf(await first), 'user.content.name'), 'me')
  assert.equal(waiting, 1)
})

test('a late question of a call that was cancelled is not put to the next call', async () => {
  const { door } = await open(olderStdio)
  const asked: string[] = []
  await using client = await connectOldAsked(door, {
    user: async (message) => {
      asked.push(message)
      // The next call is still there when the late question comes.
      await sleep(2 * lateMs)
      return accept('me')
    },
  })
  const stop = new AbortController()
  const onProgress = (): void => stop.abort()
  await assert.rejects(client.call('ask_late', 'late', { signal: stop.signal, onProgress }))
  assert.equal(at(valueOf(await client.call('ask_user', 'next')), 'user.content.name'), 'me')
  assert.deepEqual(asked, ['next#1'])
})

const envelope = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'e2e', version: '0' },
  'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
}

function codeOf(reply: unknown): unknown {
  return at(reply, 'error.data.code')
}

test('the state of a round counts once, with the same call of the same session', async () => {
  const { door, another } = await open(olderHttp)
  const ask = (where: typeof door, text: string, more: Json = {}) =>
    postModern(where, { name: 'ask_user', arguments: { text }, ...more, _meta: envelope })
  const first = await ask(door, 'a')
  assert.equal(at(first, 'result.resultType'), 'input_required')
  const requestState = textAt(first, 'result.requestState')
  const [key = ''] = Object.keys(at(first, 'result.inputRequests') ?? {})
  const answers = { requestState, inputResponses: { [key]: accept('right') } }
  assert.equal(codeOf(await ask(door, 'another text', answers)), 'request.not_awaited')
  assert.equal(codeOf(await ask(await another(), 'a', answers)), 'request.not_awaited')
  const without = await ask(door, 'a', { requestState })
  assert.equal(at(without, 'result.resultType'), 'input_required', 'it asks again')
  const state = textAt(without, 'result.requestState')
  const right = await ask(door, 'a', { ...answers, requestState: state })
  const text = textAt(right, 'result.content.0.text')
  assert.equal(at(JSON.parse(text), 'user.content.name'), 'right')
  assert.equal(
    codeOf(await ask(door, 'a', { ...answers, requestState: state })),
    'request.not_awaited',
  )
})

type Door = { readonly url: string; readonly apiKey: string }

function headersOf(door: Door, more: Readonly<Record<string, string>>) {
  return {
    authorization: `Bearer ${door.apiKey}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...more,
  }
}

/** One message of a 2025-11-25 client. */
async function postRaw(door: Door, client: string, body: Json) {
  const headers = headersOf(door, { 'mcp-session-id': client })
  const reply = await fetch(door.url, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await reply.text()
  const code = text === '' ? undefined : at(JSON.parse(text), 'error.data.code')
  return { status: reply.status, code }
}

/** A call whose stream is read message by message. */
async function callRaw(door: Door, client: string, onMessage: (message: Json) => void) {
  const params = { name: 'ask_user', arguments: { text: 'raw' } }
  const reply = await fetch(door.url, {
    method: 'POST',
    headers: headersOf(door, { 'mcp-session-id': client }),
    body: JSON.stringify({ jsonrpc: '2.0', id: 'raw', method: 'tools/call', params }),
  })
  const read = async (): Promise<void> => {
    let text = ''
    for await (const chunk of reply.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const lines = (text + chunk).split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) if (line.startsWith('data: ')) onMessage(JSON.parse(line.slice(6)))
    }
  }
  return { ended: read() }
}

async function postModern(door: Door, params: Json): Promise<unknown> {
  const headers = headersOf(door, {
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': 'ask_user',
  })
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
  const reply = await fetch(door.url, { method: 'POST', headers, body })
  return reply.json()
}
