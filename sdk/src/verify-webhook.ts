// Verifies the webhooks of a channel, as Standard Webhooks says: who sent them, when, and that none is
// taken twice. For receivers in browsers' and Node.js' WebCrypto alike.

export type WebhookMessage = {
  readonly type: string
  /** When it happened; a message that is sent again has the same. */
  readonly timestamp: string
  readonly data: Readonly<Record<string, unknown>>
}

export type VerifiedWebhook = {
  /** `webhook-id`: the same each time that a message is sent. */
  readonly id: string
  /** This verifier has verified the message before: it was sent again, and is to be answered 200. */
  readonly isRepeat: boolean
  readonly message: WebhookMessage
}

export type WebhookProblem =
  | 'webhook.malformed'
  | 'webhook.stale'
  | 'webhook.signature_invalid'
  | 'webhook.replayed'
  | 'webhook.overloaded'

/** Answer 401, and do nothing that the message says. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError'
  readonly code: WebhookProblem

  constructor(code: WebhookProblem, message: string) {
    super(message)
    this.code = code
  }
}

export type WebhookVerifierOptions = {
  /** `whsec_...`; several while one takes the place of another. */
  readonly secrets: readonly string[]
  /** How old a message may be, and how far ahead a clock: 300 seconds when not given. */
  readonly toleranceSeconds?: number
  /** How many messages are remembered for that time; beyond it none is taken. 10,000. */
  readonly rememberedMax?: number
  readonly now?: () => number
}

type Headers = { readonly get: (name: string) => string | null | undefined }
type HeaderRecord = Readonly<Record<string, string | readonly string[] | undefined>>

const toleranceSecondsDefault = 300
const rememberedMaxDefault = 10_000
const bodyCharactersMax = 1_000_000
const signaturesMax = 8

/**
 * Remembers what it verified: one for each process that receives. Receivers with several processes keep
 * the ids of `VerifiedWebhook` where all of them look.
 */
export class WebhookVerifier {
  readonly #keys: Promise<readonly CryptoKey[]>
  readonly #toleranceMs: number
  readonly #rememberedMax: number
  readonly #now: () => number
  /** When each `id.timestamp` that was verified goes out of the window, in the order they came. */
  readonly #requests = new Map<string, number>()
  readonly #ids = new Map<string, number>()

  /** Throws `TypeError` for a secret that is none. */
  constructor(options: WebhookVerifierOptions) {
    const keys = options.secrets.map(secretBytes)
    if (keys.length === 0) throw new TypeError('a webhook is verified with a secret at least')
    this.#keys = Promise.all(keys.map(importKey))
    this.#toleranceMs = 1000 * (options.toleranceSeconds ?? toleranceSecondsDefault)
    this.#rememberedMax = options.rememberedMax ?? rememberedMaxDefault
    this.#now = options.now ?? Date.now
  }

  /** `body` is what was received, as it is: not what a parser made of it. Throws `WebhookError`. */
  async verify(request: {
    readonly headers: Headers | HeaderRecord
    readonly body: string
  }): Promise<VerifiedWebhook> {
    const { headers, body } = request
    const id = headerOf(headers, 'webhook-id')
    const timestamp = headerOf(headers, 'webhook-timestamp')
    const signatures = headerOf(headers, 'webhook-signature').split(' ')
    if (!/^[\w.-]{1,200}$/.test(id) || !/^\d{1,12}$/.test(timestamp)) {
      throw new WebhookError('webhook.malformed', 'the headers of a webhook are missing')
    }
    if (body.length > bodyCharactersMax) {
      throw new WebhookError('webhook.malformed', 'the body is longer than any webhook')
    }
    const sentAtMs = Number(timestamp) * 1000
    const nowMs = this.#now()
    if (Math.abs(nowMs - sentAtMs) > this.#toleranceMs) {
      throw new WebhookError('webhook.stale', 'the webhook was signed too long ago, or too soon')
    }
    const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`)
    if (!(await this.#isSigned(signed, signatures.slice(0, signaturesMax)))) {
      throw new WebhookError('webhook.signature_invalid', 'no secret fits the signature')
    }
    const message = parseMessage(body)
    const isRepeat = this.#remember(`${id}.${timestamp}`, { id, sentAtMs, nowMs })
    return { id, isRepeat, message }
  }

  async #isSigned(
    signed: Uint8Array<ArrayBuffer>,
    signatures: readonly string[],
  ): Promise<boolean> {
    for (const text of signatures) {
      const signature = text.startsWith('v1,') ? fromBase64(text.slice('v1,'.length)) : undefined
      if (signature === undefined) continue
      for (const key of await this.#keys) {
        // WebCrypto compares in constant time.
        if (await globalThis.crypto.subtle.verify('HMAC', key, signature, signed)) return true
      }
    }
    return false
  }

  /** Throws `webhook.replayed` for the very request that came before; gives whether the id did. */
  #remember(
    requestId: string,
    seen: { readonly id: string; readonly sentAtMs: number; readonly nowMs: number },
  ): boolean {
    const { id, sentAtMs, nowMs } = seen
    forget(this.#requests, nowMs)
    forget(this.#ids, nowMs)
    if (this.#requests.has(requestId)) {
      throw new WebhookError('webhook.replayed', 'this very request came before')
    }
    if (this.#requests.size >= this.#rememberedMax) {
      throw new WebhookError('webhook.overloaded', 'more webhooks came than can be remembered')
    }
    const isRepeat = this.#ids.has(id)
    const untilMs = sentAtMs + this.#toleranceMs
    this.#requests.set(requestId, untilMs)
    this.#ids.set(id, Math.max(untilMs, this.#ids.get(id) ?? 0))
    return isRepeat
  }
}

function forget(seen: Map<string, number>, nowMs: number): void {
  for (const [key, untilMs] of seen) if (untilMs < nowMs) seen.delete(key)
}

function headerOf(headers: Headers | HeaderRecord, name: string): string {
  const value = isHeaders(headers) ? headers.get(name) : headers[name]
  return typeof value === 'string' ? value : ''
}

function isHeaders(headers: Headers | HeaderRecord): headers is Headers {
  return typeof headers['get'] === 'function'
}

function secretBytes(secret: string): Uint8Array<ArrayBuffer> {
  const bytes = secret.startsWith('whsec_') ? fromBase64(secret.slice('whsec_'.length)) : undefined
  if (bytes === undefined || bytes.length < 24) {
    throw new TypeError('a secret of a webhook is whsec_ and base64 of 24 bytes at least')
  }
  return bytes
}

function importKey(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  return globalThis.crypto.subtle.importKey('raw', bytes, algorithm, false, ['verify'])
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length > 200) return undefined
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}

function parseMessage(body: string): WebhookMessage {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    throw new WebhookError('webhook.malformed', 'the body is no JSON')
  }
  const fields = new Map<string, unknown>(isRecord(parsed) ? Object.entries(parsed) : [])
  const type = fields.get('type')
  const timestamp = fields.get('timestamp')
  const data = fields.get('data')
  if (typeof type === 'string' && typeof timestamp === 'string' && isRecord(data)) {
    return { type, timestamp, data }
  }
  throw new WebhookError('webhook.malformed', 'the body is no message of a channel')
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
