// Replies that the gateway signs, and what becomes of those that it did not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSigningFetch, type PublicJwk, ReplySignatureError } from '@airworthy/sdk'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { at, textAt } from './harness/json.ts'
import { enrolSigned } from './harness/signed-agent.ts'

const ground = await standGround()
const { url } = ground.server
const agent = await enrolSigned(ground)
const directory = await fetch(`${url}/.well-known/http-message-signatures-directory`)
const listed: unknown = await directory.json()
const replyKeys: PublicJwk[] = [{ kty: 'OKP', crv: 'Ed25519', x: textAt(listed, 'keys.0.x') }]

type Change = (response: Response) => Promise<Response> | Response

/** What signs and checks, with somebody between it and the gateway. */
function fetchThrough(change: Change): typeof globalThis.fetch {
  return createSigningFetch({
    key: agent.privateJwk,
    replyKeys,
    fetch: async (input, init) => change(await fetch(input, init)),
  })
}

const honest = fetchThrough((response) => response)

function ask(through: typeof globalThis.fetch, body: object = chat()): Promise<Response> {
  return through(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${agent.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

function refused(code: ReplySignatureError['code']) {
  return (thrown: unknown) => thrown instanceof ReplySignatureError && thrown.code === code
}

async function rebuilt(
  response: Response,
  more: { status?: number; headers?: Record<string, string>; change?: (text: string) => string },
): Promise<Response> {
  const { change = (text) => text } = more
  return new Response(change(await response.text()), {
    status: more.status ?? response.status,
    headers: { ...Object.fromEntries(response.headers), ...more.headers },
  })
}

test('a reply, a stream, a list and a refusal are all signed', async () => {
  const whole = await ask(honest)
  assert.equal(whole.status, 200)
  assert.ok(at(await whole.json(), 'choices'))
  const stream = await ask(honest, chat({ stream: true }))
  assert.match(await stream.text(), /\[DONE\]/)
  const headers = { authorization: `Bearer ${agent.apiKey}` }
  assert.equal((await honest(`${url}/v1/models`, { headers })).status, 200)
  const refusal = await ask(honest, { ...chat(), model: 'none' })
  assert.equal(refusal.status, 404)
  assert.equal(at(await refusal.json(), 'error.code'), 'model.unknown')
})

test('what is no nonce is not repeated: it would put words into the signature of the reply', async () => {
  const nonce = 'x\\";tag=\\"of-another-protocol\\";a=\\"'
  const refusal = await fetch(`${url}/v1/models`, {
    headers: {
      authorization: `Bearer ${agent.apiKey}`,
      'signature-input': `sig1=("@method");created=1;expires=2;nonce="${nonce}";keyid="k";tag="web-bot-auth"`,
      signature: 'sig1=:AAAA:',
    },
  })
  assert.equal(refusal.ok, false)
  const signed = refusal.headers.get('signature-input') ?? ''
  assert.match(signed, /;nonce="";tag="airworthy-response"$/)
})

test('the official MCP client believes signed replies only', async () => {
  const client = new Client({ name: 'e2e', version: '0' })
  const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp/desk`), {
    fetch: honest,
    requestInit: { headers: { authorization: `Bearer ${agent.apiKey}` } },
  })
  await client.connect(transport)
  const result = await client.callTool({ name: 'find_customer', arguments: { email: 'a@b.c' } })
  assert.notEqual(result.isError, true)
  await client.close()
})

test('a reply that was changed on its way is refused', async () => {
  const changes: Change[] = [
    (response) => rebuilt(response, { change: (text) => text.replace('"', '" ') }),
    (response) => rebuilt(response, { status: 201 }),
    (response) => rebuilt(response, { headers: { 'airworthy-receipt': '1:1:x' } }),
    (response) => rebuilt(response, { headers: { 'content-type': 'text/plain' } }),
    (response) => rebuilt(response, { headers: { 'content-digest': 'sha-256=:AAAA:' } }),
  ]
  for (const change of changes) {
    await assert.rejects(ask(fetchThrough(change)), refused('client.reply_altered'))
  }
})

test('the reply to another request is refused', async () => {
  const other = await fetchOnce()
  const swapped = fetchThrough(() => other)
  await assert.rejects(ask(swapped), refused('client.reply_altered'))
})

/** A good reply to a request of its own, as it came. */
async function fetchOnce(): Promise<Response> {
  let kept: Response | undefined
  await ask(
    fetchThrough((response) => {
      kept = response.clone()
      return response
    }),
  )
  assert.ok(kept)
  return kept
}

test('a reply without a signature is refused', async () => {
  const stripped = fetchThrough((response) => {
    const headers = new Headers(response.headers)
    headers.delete('signature')
    return new Response(response.body, { status: response.status, headers })
  })
  await assert.rejects(ask(stripped), refused('client.reply_unsigned'))
})

test('a reply that another key signed is refused', async () => {
  const strangers = createSigningFetch({
    key: agent.privateJwk,
    replyKeys: [{ kty: 'OKP', crv: 'Ed25519', x: agent.privateJwk.x }],
  })
  await assert.rejects(ask(strangers), refused('client.reply_altered'))
})

test('who does not sign is not answered with a signature', async () => {
  const plain = await enrol(ground)
  const session = await plain.open()
  const reply = await session.post(chat())
  assert.equal(reply.status, 200)
  assert.equal(reply.headers.get('signature'), null)
})
