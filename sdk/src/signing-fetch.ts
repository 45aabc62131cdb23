// A `fetch` that signs what it sends, for the official OpenAI, Anthropic and MCP clients, and that
// can refuse replies which the gateway did not sign.
import { signRequest } from './sign-request.ts'
import {
  createSigner,
  createVerifier,
  type PrivateJwk,
  type PublicJwk,
  type ReplyVerifier,
  type RequestSigner,
  thumbprintOf,
} from './signing-key.ts'
import { ReplySignatureError, verifyReply } from './verify-reply.ts'

export type SigningFetchOptions = {
  /** The agent's private key, or whatever signs in its place. */
  readonly key: PrivateJwk | RequestSigner
  /** The URL below which the agent's keys are published. Default: the origin that is asked. */
  readonly agent?: string
  /** Keys of the gateway: a reply that none of them signed is refused. Without it none is checked. */
  readonly replyKeys?: readonly PublicJwk[]
  readonly fetch?: typeof globalThis.fetch
  /** Milliseconds since 1970; `Date.now` when not given. */
  readonly now?: () => number
}

const bodyBytesMax = 64 * 1024 * 1024

/**
 * Signs each request. Throws TypeError for a body beyond 64 MiB, `ReplySignatureError` for a reply
 * that is not the gateway's, and whatever the fetch below throws. Redirects are not followed: a
 * signature is for one host.
 */
export function createSigningFetch(options: SigningFetchOptions): typeof globalThis.fetch {
  const { key, agent, fetch: send = globalThis.fetch, now = Date.now } = options
  let making: Promise<RequestSigner> | undefined
  const signerOf = (): Promise<RequestSigner> =>
    (making ??= 'sign' in key ? Promise.resolve(key) : createSigner(key))
  const findKey = options.replyKeys === undefined ? undefined : keyFinder(options.replyKeys)
  return async (input, init) => {
    const given = input instanceof Request ? input : undefined
    const url = new URL(input instanceof Request ? input.url : input)
    const method = (init?.method ?? given?.method ?? 'GET').toUpperCase()
    const headers = new Headers(init?.headers ?? given?.headers)
    const body = await readBody(init?.body ?? given?.body, headers)
    const signer = await signerOf()
    const signed = await signRequest({ method, url, headers, body }, { signer, agent, now })
    headers.delete('content-digest')
    for (const [name, value] of Object.entries(signed.headers)) headers.set(name, value)
    const signal = init?.signal ?? given?.signal
    const response = await send(url, {
      ...init,
      ...(signal == null ? {} : { signal }),
      method,
      headers,
      body: body ?? null,
      redirect: 'error',
    })
    if (findKey === undefined) return response
    return checkReply(response, (whole) =>
      verifyReply({ request: signed, response, body: whole, findKey, now }),
    )
  }
}

async function readBody(
  body: RequestInit['body'] | undefined,
  headers: Headers,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (body === null || body === undefined) return undefined
  // What it becomes on the wire, with the content type that goes with it.
  const whole = new Response(body)
  const type = whole.headers.get('content-type')
  if (type !== null && !headers.has('content-type')) headers.set('content-type', type)
  return readWhole(whole, () => new TypeError(`a signed body may have ${bodyBytesMax} bytes`))
}

async function readWhole(
  response: Response,
  tooLong: () => Error,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > bodyBytesMax) throw tooLong()
    chunks.push(chunk)
  }
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

const withoutBody = new Set([204, 205, 304])

/** A stream goes on once its head is found good; any other reply once all of it is. */
async function checkReply(
  response: Response,
  check: (body: Uint8Array<ArrayBuffer> | undefined) => Promise<void>,
): Promise<Response> {
  const { status, statusText, headers } = response
  if (headers.get('content-type')?.startsWith('text/event-stream') === true) {
    await check(undefined).catch(async (thrown: unknown) => {
      await response.body?.cancel()
      throw thrown
    })
    return response
  }
  const altered = (): Error =>
    new ReplySignatureError('client.reply_altered', status, 'the reply is too long to be checked')
  const body = await readWhole(response, altered)
  await check(body)
  const checked = new Response(withoutBody.has(status) ? null : body, {
    status,
    statusText,
    headers,
  })
  Object.defineProperty(checked, 'url', { value: response.url })
  return checked
}

function keyFinder(
  keys: readonly PublicJwk[],
): (thumbprint: string) => Promise<ReplyVerifier | undefined> {
  let making: Promise<Map<string, ReplyVerifier>> | undefined
  const make = async (): Promise<Map<string, ReplyVerifier>> =>
    new Map(
      await Promise.all(
        keys.map(async (key) => [await thumbprintOf(key), await createVerifier(key)] as const),
      ),
    )
  return async (thumbprint) => (await (making ??= make())).get(thumbprint)
}
