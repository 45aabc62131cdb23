// Signed requests, from the official clients and from those who would misuse them.
import assert from 'node:assert/strict'
import { chmod, cp, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { connect as connectTo } from 'node:net'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import {
  createSigningFetch,
  generateSigningKey,
  type RequestSigner,
  signRequest,
} from '@airworthy/sdk'
import {
  Client as NewClient,
  StreamableHTTPClientTransport as NewTransport,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import OpenAI from 'openai'
import { chat, postJson } from './harness/clients.ts'
import { enrol, standGround, type TestSession } from './harness/ground.ts'
import { at } from './harness/json.ts'
import { type Server, startServer, temporaryDirectory } from './harness/server.ts'
import { startSidecar } from './harness/sidecar.ts'
import { enrolSigned, type SignedAgent } from './harness/signed-agent.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { server } = ground
const agent = await enrolSigned(ground)

type Sent = {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: string
}

/** A model call as the SDK signs it, before anybody touches it. */
async function signedCall(
  of: { readonly apiKey: string; readonly signer: RequestSigner } = agent,
  options: { now?: number; host?: string; headers?: Record<string, string> } = {},
): Promise<Sent> {
  const body = JSON.stringify(chat())
  const url = new URL(`${options.host ?? server.url}/v1/chat/completions`)
  const headers = new Headers({
    authorization: `Bearer ${of.apiKey}`,
    'content-type': 'application/json',
    ...options.headers,
  })
  const bytes = new TextEncoder().encode(body)
  const signed = await signRequest(
    { method: 'POST', url, headers, body: bytes },
    { signer: of.signer, now: () => options.now ?? Date.now() },
  )
  return {
    method: 'POST',
    path: url.pathname,
    headers: { ...Object.fromEntries(headers), host: url.host, ...signed.headers },
    body,
  }
}

/** Sends exactly what is given; `fetch` would not let a host or a broken field through. */
async function send(sent: Sent, to = server.url): Promise<{ status: number; code: unknown }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; code: unknown }>()
  const url = new URL(`${to}${sent.path}`)
  const headers = { ...sent.headers, 'content-length': Buffer.byteLength(sent.body) }
  const outgoing = httpRequest(url, { method: sent.method, headers }, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => (text += chunk))
    response.on('end', () => {
      const parsed: unknown = JSON.parse(text)
      resolve({ status: response.statusCode ?? 0, code: at(parsed, 'error.code') })
    })
  })
  outgoing.on('error', reject)
  outgoing.end(sent.body)
  return promise
}

async function refusedWith(code: string, sent: Sent): Promise<void> {
  const before = ground.upstream.asked(agent.name).length
  const reply = await send(sent)
  assert.equal(reply.code, code)
  assert.ok(reply.status === 401 || reply.status === 400)
  assert.equal(ground.upstream.asked(agent.name).length, before, 'the provider was not asked')
}

/** The code of a request that has a field once more: `fetch` and `http.request` would join the two. */
async function codeOfTwice(sent: Sent, [name, value]: readonly [string, string]) {
  const { hostname, port } = new URL(server.url)
  const lines = Object.entries(sent.headers).map(([field, text]) => `${field}: ${text}`)
  const socket = connectTo(Number(port), hostname)
  socket.write(
    [
      `${sent.method} ${sent.path} HTTP/1.1`,
      ...lines,
      `${name}: ${value}`,
      'connection: close',
      `content-length: ${Buffer.byteLength(sent.body)}`,
      '',
      sent.body,
    ].join('\r\n'),
  )
  const reply = Buffer.concat(await Array.fromAsync(socket)).toString()
  return /"code":"([a-z_.]+)"/.exec(reply)?.[1]
}

function altered(sent: Sent, name: string, change: (value: string) => string): Sent {
  return { ...sent, headers: { ...sent.headers, [name]: change(sent.headers[name] ?? '') } }
}

describe('a signed request goes through', () => {
  test('as it was signed', async () => {
    assert.equal((await send(await signedCall())).status, 200)
  })

  test('of the official OpenAI client, streamed and whole', async () => {
    const fetch = createSigningFetch({ key: agent.privateJwk })
    const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: agent.apiKey, fetch })
    const messages = [{ role: 'user' as const, content: 'Hi' }]
    const whole = await openai.chat.completions.create({ model: 'fake', messages })
    assert.ok(whole.choices[0]?.message.content)
    const stream = openai.chat.completions.stream({ model: 'fake', messages })
    const last = await stream.finalChatCompletion()
    assert.ok(last.choices[0]?.message.content)
    assert.equal((await openai.models.list()).data[0]?.id, 'fake')
  })

  test('on the Anthropic wire, whose key has a field of its own', async () => {
    const claude = await enrolSigned(ground, { wire: 'anthropic', behaviour: 'anthropic' })
    const fetch = createSigningFetch({ key: claude.privateJwk })
    const messages = [{ role: 'user', content: 'Hi' }]
    const reply = await fetch(`${server.url}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': claude.apiKey, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'fake', max_tokens: 50, messages }),
    })
    assert.equal(at(await reply.json(), 'type'), 'message')
  })

  test('of the official MCP client of the newest revision', async () => {
    const client = new NewClient({ name: 'e2e', version: '0' })
    const transport = new NewTransport(new URL(`${server.url}/mcp/desk`), {
      fetch: createSigningFetch({ key: agent.privateJwk }),
      requestInit: { headers: { authorization: `Bearer ${agent.apiKey}` } },
    })
    await client.connect(transport)
    const result = await client.callTool({ name: 'find_customer', arguments: { email: 'a@b.c' } })
    assert.notEqual(result.isError, true)
    await client.close()
  })

  test('of the official MCP client, and the entry names its signature', async () => {
    const { session, sessionKey } = await server.client.openSession({ agent: agent.name })
    const client = await connect(agent, `/s/${sessionKey}/mcp/desk`)
    const result = await client.callTool({ name: 'find_customer', arguments: { email: 'a@b.c' } })
    assert.notEqual(result.isError, true)
    await client.close()
    const { rows } = await ground.database.query<{ entry: Buffer }>(
      `SELECT entry FROM airworthy.entries WHERE convert_from(entry, 'UTF8') LIKE $1`,
      [`%"session":"${session.id}","type":"call.intent"%`],
    )
    assert.equal(rows.length, 1)
    const sig = at(JSON.parse(rows[0]?.entry.toString() ?? ''), 'body.sig')
    assert.match(String(sig), /^[A-Za-z0-9_-]{43}$/)
  })
})

async function connect(of: SignedAgent, path: string): Promise<Client> {
  const client = new Client({ name: 'e2e', version: '0' })
  const transport = new StreamableHTTPClientTransport(new URL(`${server.url}${path}`), {
    fetch: createSigningFetch({ key: of.privateJwk }),
    requestInit: { headers: { authorization: `Bearer ${of.apiKey}` } },
  })
  // The transport's own type of a session id is wider than the interface that it implements.
  await client.connect(transport)
  return client
}

const changes = {
  longer: (value: string) =>
    value.replace(/;expires=(\d+)/, (_, expires: string) => `;expires=${Number(expires) + 600}`),
  parameter: (value: string) => value.replace('"content-type"', '"content-type";sf'),
  ofSignature: (value: string) => value.replace(';tag=', ';aud="x";tag='),
  component: (value: string) => value.replace('"@path"', '"@path" "@path"'),
  label: (value: string) => `${value}, ${value}`,
  second: (value: string) => `${value}, ${value.replace('sig1=', 'sig2=')}`,
  algorithm: (value: string) => value.replace(';tag=', ';alg="hmac-sha256";tag='),
}

describe('a request that is not as it was signed is refused', () => {
  test('unsigned: the API key alone is worth nothing', async () => {
    const { headers, ...rest } = await signedCall()
    const { signature: _, 'signature-input': __, ...plain } = headers
    await refusedWith('signature.missing', { ...rest, headers: plain })
  })

  test('replayed', async () => {
    const sent = await signedCall()
    assert.equal((await send(sent)).status, 200)
    await refusedWith('signature.replayed', sent)
  })

  test('replayed while the first is on its way: one of twenty goes through', async () => {
    const sent = await signedCall()
    const replies = await Promise.all(Array.from({ length: 20 }, () => send(sent)))
    assert.equal(replies.filter(({ status }) => status === 200).length, 1)
    assert.equal(replies.filter(({ code }) => code === 'signature.replayed').length, 19)
  })

  test('altered: another path', async () => {
    const sent = await signedCall()
    await refusedWith('signature.invalid', { ...sent, path: `${sent.path}?beta=true` })
  })

  test('altered: another API key', async () => {
    const other = await enrolSigned(ground)
    const sent = await signedCall()
    const reply = await send(altered(sent, 'authorization', () => `Bearer ${other.apiKey}`))
    assert.equal(reply.code, 'signature.key_unknown')
  })

  test('altered: the signature of another request', async () => {
    const [one, two] = [await signedCall(), await signedCall()]
    await refusedWith('signature.invalid', {
      ...one,
      headers: { ...one.headers, signature: two.headers['signature'] ?? '' },
    })
  })

  test('stale: expired, of the future, or to live too long', async () => {
    const now = Date.now()
    await refusedWith('signature.stale', await signedCall(agent, { now: now - 70_000 }))
    await refusedWith('signature.stale', await signedCall(agent, { now: now + 30_000 }))
    const sent = await signedCall()
    await refusedWith('signature.stale', altered(sent, 'signature-input', changes.longer))
  })

  test('for another host', async () => {
    const sent = await signedCall(agent, { host: 'http://gateway.example.com' })
    await refusedWith('signature.wrong_host', sent)
  })

  test('with another body', async () => {
    const sent = await signedCall()
    await refusedWith('signature.digest_mismatch', {
      ...sent,
      body: sent.body.replace('Hi', 'Ho'),
    })
  })

  test('with a component parameter that is not known, or a component twice', async () => {
    const sent = await signedCall()
    await refusedWith(
      'signature.component_unknown',
      altered(sent, 'signature-input', changes.parameter),
    )
    await refusedWith(
      'signature.component_unknown',
      altered(sent, 'signature-input', changes.ofSignature),
    )
    await refusedWith('signature.malformed', altered(sent, 'signature-input', changes.component))
  })

  test('with a label twice, or two signatures to choose from', async () => {
    const sent = await signedCall()
    await refusedWith('signature.malformed', altered(sent, 'signature-input', changes.label))
    await refusedWith(
      'signature.malformed',
      altered(altered(sent, 'signature-input', changes.second), 'signature', changes.second),
    )
  })

  test('without what the gateway acts on', async () => {
    const sent = await signedCall()
    for (const name of ['"authorization" ', '"content-digest" ', '"@query" ', '"content-type" ']) {
      const less = (value: string) => value.replace(name, '')
      await refusedWith('signature.incomplete', altered(sent, 'signature-input', less))
    }
    const { sessionKey } = await server.client.openSession({ agent: agent.name })
    const added = { ...sent, headers: { ...sent.headers, 'airworthy-session': sessionKey } }
    await refusedWith('signature.incomplete', added)
  })

  test('with a field that models or tool servers heed, put in on the way', async () => {
    const sent = await signedCall()
    for (const name of ['openai-beta', 'anthropic-beta', 'mcp-session-id', 'last-event-id']) {
      const added = { ...sent, headers: { ...sent.headers, [name]: 'another' } }
      await refusedWith('signature.incomplete', added)
    }
    const covered = await signedCall(agent, { headers: { 'openai-beta': 'asked=v1' } })
    await refusedWith(
      'signature.invalid',
      altered(covered, 'openai-beta', () => 'asked=v2'),
    )
    assert.equal((await send(covered)).status, 200)
  })

  test('with two lines of a field of which one was signed', async () => {
    const sent = await signedCall()
    for (const [name, value] of [
      ['host', 'gateway.example.com'],
      ['authorization', 'Bearer awk_other'],
      ['content-type', 'text/plain'],
    ] as const) {
      assert.equal(await codeOfTwice(sent, [name, value]), 'signature.malformed')
    }
  })

  test('by a key that is revoked', async () => {
    const other = await enrolSigned(ground)
    assert.equal((await send(await signedCall(other))).status, 200)
    await server.client.revokePublicKey(other.name, other.signer.thumbprint)
    const reply = await send(await signedCall(other))
    assert.equal(reply.code, 'signature.key_unknown')
  })

  test('with an algorithm that is not the key’s', async () => {
    const sent = await signedCall()
    await refusedWith('signature.invalid', altered(sent, 'signature-input', changes.algorithm))
  })
})

async function openThenAddKey(options: Parameters<typeof enrol>[1]): Promise<TestSession> {
  const made = await enrol(ground, options)
  const session = await made.open()
  assert.equal((await session.post(chat())).status, 200, 'no key is enrolled')
  const { publicJwk } = await generateSigningKey()
  await server.client.addPublicKey(made.name, { jwk: { ...publicJwk } })
  return session
}

describe('whether an agent must sign', () => {
  test('is what its manifest says', async () => {
    const more = { identity: { signature: 'required' } }
    const strict = await enrol(ground, { more })
    const session = await strict.open()
    assert.equal((await session.post(chat())).code, 'signature.missing')
  })

  test('begins with the first enrolled key, where it can write and the manifest says nothing', async () => {
    const reads = await openThenAddKey({ tools: { 'desk/find_customer': { effect: 'read' } } })
    const lax = await openThenAddKey({ more: { identity: { signature: 'optional' } } })
    const writes = await openThenAddKey({})
    await until('a signature to be asked for', async () => {
      return (await writes.post(chat())).code === 'signature.missing'
    })
    assert.equal((await reads.post(chat())).status, 200)
    assert.equal((await lax.post(chat())).status, 200)
  })
})

async function startReplica(owner: AsyncDisposableStack): Promise<Server> {
  const dataDir = await temporaryDirectory(owner)
  await cp(join(server.dataDir, 'master.key'), join(dataDir, 'master.key'))
  const { databaseUrl } = ground
  const env = { AIRWORTHY_AUTHORITIES: 'gateway.example.com' }
  return owner.use(
    await startServer({ databaseUrl, dataDir, env, operatorKey: server.operatorKey }),
  )
}

test('a nonce is remembered by other gateways, and after the first one was killed', async () => {
  await using owner = new AsyncDisposableStack()
  const sent = await signedCall(agent, { host: 'http://gateway.example.com' })
  const first = await startReplica(owner)
  assert.equal((await send(sent, first.url)).status, 200)
  await first.kill()
  const second = await startReplica(owner)
  assert.equal((await send(sent, second.url)).code, 'signature.replayed')
})

describe('the signing proxy', async () => {
  const owner = new AsyncDisposableStack()
  after(() => owner.disposeAsync())
  const directory = await temporaryDirectory(owner)
  const keyFile = join(directory, 'agent.jwk')
  await writeFile(keyFile, JSON.stringify(agent.privateJwk), { mode: 0o600 })
  const apiKeyFile = join(directory, 'api-key')
  await writeFile(apiKeyFile, agent.apiKey, { mode: 0o600 })
  const { url } = owner.use(
    await startSidecar(['--key', keyFile, '--upstream', server.url, '--api-key-file', apiKeyFile]),
  )

  test('signs for a program that has no key at all', async () => {
    const reply = await postJson(`${url}/v1/chat/completions`, { body: chat(), headers: {} })
    assert.equal(reply.status, 200)
    assert.ok(reply.headers.get('airworthy-receipt'))
  })

  test('passes streams through', async () => {
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: agent.apiKey })
    const messages = [{ role: 'user' as const, content: 'Hi' }]
    const stream = openai.chat.completions.stream({ model: 'fake', messages })
    assert.ok((await stream.finalChatCompletion()).choices[0]?.message.content)
  })

  test('signs each repeat anew', async () => {
    for (let n = 0; n < 3; n += 1) {
      const reply = await postJson(`${url}/v1/chat/completions`, { body: chat(), headers: {} })
      assert.equal(reply.status, 200)
    }
  })

  test('answers no web page, by no name of this machine', async () => {
    const headers = { origin: 'https://evil.example' }
    const reply = await postJson(`${url}/v1/chat/completions`, { body: chat(), headers })
    assert.equal(reply.code, 'sidecar.origin_refused')
    const sent = await signedCall()
    const rebound = { ...sent, headers: { ...sent.headers, host: 'evil.example' } }
    assert.equal((await send(rebound, url)).code, 'sidecar.origin_refused')
  })

  test('listens on this machine only, with a key that is its owner’s alone', async () => {
    const upstream = ['--upstream', server.url]
    const everywhere = ['--key', keyFile, ...upstream, '--listen', '0.0.0.0:0']
    await assert.rejects(startSidecar(everywhere), /loopback/)
    await chmod(keyFile, 0o644)
    await assert.rejects(startSidecar(['--key', keyFile, ...upstream]), /read by others/)
    await chmod(keyFile, 0o600)
  })
})
