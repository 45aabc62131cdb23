// One request, signed as the gateway asks it (RFC 9421, RFC 9530): the signature is a Web Bot Auth
// signature as well, and covers all that the gateway acts on.
import { type RequestSigner, toBase64 } from './signing-key.ts'

export type RequestToSign = {
  readonly method: string
  readonly url: URL
  /** What is sent, complete: a field that is added later is not signed. */
  readonly headers: Headers
  readonly body: Uint8Array<ArrayBuffer> | undefined
}

/** What a signed reply must be bound to. */
export type SignedRequest = {
  readonly method: string
  readonly authority: string
  readonly path: string
  readonly nonce: string
  /** Seconds since 1970. */
  readonly created: number
  /** The member of the field Signature: `:base64:`. */
  readonly signature: string
  /** The fields to send beside those that were given. */
  readonly headers: Readonly<Record<string, string>>
}

export type SigningOptions = {
  readonly signer: RequestSigner
  /** Who signs: the URL below which its keys are published. Default: the origin of the request. */
  readonly agent?: string | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const lifetimeSeconds = 60
const nonceBytes = 64
const label = 'sig1'
const tag = 'web-bot-auth'
const whenSent = new Set([
  'content-type',
  'content-encoding',
  'content-digest',
  'authorization',
  'x-api-key',
  'anthropic-beta',
  'anthropic-version',
  'openai-beta',
  'mcp-session-id',
  'last-event-id',
])
const ownPrefix = 'airworthy-'

export async function signRequest(
  request: RequestToSign,
  options: SigningOptions,
): Promise<SignedRequest> {
  const { method, url, body } = request
  const headers = new Headers(request.headers)
  const added: Record<string, string> = {
    'signature-agent': `${label}=${quoted(options.agent ?? url.origin)}`,
  }
  if (body !== undefined && body.length > 0) {
    added['content-digest'] = await digestOf(body)
  } else headers.delete('content-digest')
  for (const [name, value] of Object.entries(added)) headers.set(name, value)
  const authority = url.host
  const path = url.pathname
  const lines: [string, string][] = [
    ['"@method"', method],
    ['"@authority"', authority],
    ['"@path"', path],
    ['"@query"', url.search === '' ? '?' : url.search],
  ]
  for (const [name, value] of headers) {
    const isNeeded = whenSent.has(name) || name.startsWith(ownPrefix)
    if (isNeeded) lines.push([`"${name}"`, value])
  }
  lines.push([`"signature-agent";key="${label}"`, quoted(options.agent ?? url.origin)])
  const created = Math.floor(options.now() / 1000)
  const nonce = toBase64(crypto.getRandomValues(new Uint8Array(nonceBytes)))
  const covered = lines.map(([name]) => name).join(' ')
  const parameters =
    `(${covered});created=${created};expires=${created + lifetimeSeconds}` +
    `;nonce="${nonce}";keyid="${options.signer.thumbprint}";tag="${tag}"`
  const base = signatureBase(lines, parameters)
  const signature = `:${toBase64(await options.signer.sign(base))}:`
  added['signature-input'] = `${label}=${parameters}`
  added['signature'] = `${label}=${signature}`
  return { method, authority, path, nonce, created, signature, headers: added }
}

/** RFC 9421, section 2.5. */
export function signatureBase(
  lines: readonly (readonly [string, string])[],
  parameters: string,
): Uint8Array<ArrayBuffer> {
  const text = lines.map(([name, value]) => `${name}: ${value}\n`).join('')
  return new TextEncoder().encode(`${text}"@signature-params": ${parameters}`)
}

/** RFC 9530. */
export async function digestOf(body: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', body)
  return `sha-256=:${toBase64(new Uint8Array(digest))}:`
}

function quoted(text: string): string {
  if (!/^[\x21\x23-\x5b\x5d-\x7e]{1,500}$/.test(text)) {
    throw new TypeError('the agent must be a URL, without quotes and backslashes')
  }
  return `"${text}"`
}
