// Signs what the gateway answers. A reply is kept back until it is whole, so that its digest can be
// signed; of a stream, and of a reply that is too long to keep, only the head is signed.
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { contentDigest } from '../../core/http-signatures/content-digest.ts'
import {
  prepareReplySignature,
  type ReplySigner,
  responseLabel,
} from '../../core/http-signatures/response-profile.ts'
import type { RequestMessage } from '../../core/http-signatures/signature-base.ts'

export type ReplySigning = {
  readonly signer: ReplySigner
  /** Replies to requests without a signature too. */
  readonly isAlways: boolean
}

type SignedExchange = {
  readonly message: RequestMessage
  readonly claim: { readonly label: string; readonly nonce: string } | undefined
}

const keptBytesMax = 16 * 1024 * 1024

type SignReplyOptions = ReplySigning & {
  readonly exchange: SignedExchange
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void
}

/** From here on the response signs itself. What fails to be signed goes out unsigned, and is told. */
export function signReply(response: ServerResponse, options: SignReplyOptions): void {
  const reply = new KeptReply(response, options)
  Object.assign(response, {
    writeHead: (status: number, ...more: unknown[]) => reply.writeHead(status, more),
    flushHeaders: () => reply.flushHeaders(),
    write: (...given: unknown[]) => reply.write(given),
    end: (...given: unknown[]) => reply.end(given),
  })
}

/** A reply until it is signed; then all goes to the response's own methods. */
class KeptReply {
  readonly #response: ServerResponse
  readonly #options: SignReplyOptions
  readonly #own: Pick<ServerResponse, 'writeHead' | 'write' | 'end' | 'flushHeaders'>
  #head: { status: number; headers: OutgoingHttpHeaders } | undefined
  #kept: Buffer[] = []
  #bytes = 0
  #state: 'keeping' | 'signing' | 'sent' = 'keeping'
  #isEnded = false
  #needsDrain = false

  constructor(response: ServerResponse, options: SignReplyOptions) {
    this.#response = response
    this.#options = options
    this.#own = {
      writeHead: response.writeHead.bind(response),
      write: response.write.bind(response),
      end: response.end.bind(response),
      flushHeaders: response.flushHeaders.bind(response),
    }
  }

  writeHead(status: number, more: readonly unknown[]): ServerResponse {
    const response = this.#response
    if (this.#state === 'sent') {
      return Reflect.apply(this.#own.writeHead, response, [status, ...more])
    }
    if (this.#isEnded) return response
    // An answer that failed before it went out is replaced whole.
    const headers = more.at(-1)
    this.#head = { status, headers: isHeaders(headers) ? lowerCase(headers) : {} }
    this.#kept = []
    this.#bytes = 0
    return response
  }

  flushHeaders(): void {
    if (this.#state === 'keeping' && this.#isStream) this.#release()
    else if (this.#state === 'sent') this.#own.flushHeaders()
  }

  write(given: unknown[]): boolean {
    if (this.#state === 'sent') {
      return Reflect.apply(this.#own.write, this.#response, given) === true
    }
    if (this.#isEnded) return false
    this.#keep(given[0])
    const done = given.at(-1)
    if (typeof done === 'function') process.nextTick(done)
    const isOver = this.#bytes > keptBytesMax
    if (this.#state === 'keeping' && (isOver || this.#isStream)) this.#release()
    if (isOver) this.#needsDrain = true
    return !isOver
  }

  end(given: unknown[]): ServerResponse {
    const response = this.#response
    if (this.#state === 'sent') return Reflect.apply(this.#own.end, response, given)
    if (this.#isEnded) return response
    this.#keep(given[0])
    const done = given.at(-1)
    if (typeof done === 'function') {
      response.once('finish', () => Reflect.apply(done, response, []))
    }
    this.#isEnded = true
    if (this.#state === 'keeping') this.#release()
    return response
  }

  get #isStream(): boolean {
    const type = textOf(this.#head?.headers['content-type'])
    return type?.startsWith('text/event-stream') === true
  }

  #keep(chunk: unknown): void {
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return
    const buffer = typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk)
    this.#kept.push(buffer)
    this.#bytes += buffer.length
  }

  #release(): void {
    this.#state = 'signing'
    const isWhole = this.#isEnded
    const { exchange, isAlways } = this.#options
    if (exchange.claim === undefined && !isAlways) {
      this.#flush({}, !isWhole)
      return
    }
    const response = this.#response
    const digest =
      isWhole && this.#bytes > 0
        ? { 'content-digest': contentDigest(Buffer.concat(this.#kept)) }
        : {}
    const fields: OutgoingHttpHeaders = {
      ...response.getHeaders(),
      ...this.#head?.headers,
      ...digest,
    }
    const signedHead = {
      status: this.#head?.status ?? response.statusCode,
      field: (name: string) => textOf(fields[name]),
    }
    void signOrTell(this.#options, signedHead).then((signed) => {
      this.#flush({ ...digest, ...signed }, !isWhole)
      return undefined
    })
  }

  #flush(signed: Readonly<Record<string, string>>, isFlushed: boolean): void {
    this.#state = 'sent'
    const response = this.#response
    if (response.destroyed) return
    const { status, headers } = this.#head ?? { status: response.statusCode, headers: {} }
    this.#own.writeHead(status, { ...headers, ...signed })
    if (isFlushed) this.#own.flushHeaders()
    const body = Buffer.concat(this.#kept)
    this.#kept = []
    if (this.#isEnded) this.#own.end(body)
    else if (body.length > 0) this.#own.write(body)
    if (this.#needsDrain && !this.#isEnded) response.emit('drain')
  }
}

/** What cannot be signed goes out unsigned: who asked decides whether to believe it. */
async function signOrTell(
  options: Parameters<typeof sign>[0] & {
    readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void
  },
  head: Parameters<typeof sign>[1],
): Promise<Record<string, string>> {
  try {
    return await sign(options, head)
  } catch (thrown) {
    options.log('a reply could not be signed', { error: String(thrown) })
    return {}
  }
}

async function sign(
  { signer, exchange }: ReplySigning & { readonly exchange: SignedExchange },
  response: { status: number; field: (name: string) => string | undefined },
): Promise<Record<string, string>> {
  const { base, input } = prepareReplySignature({
    request: exchange.message,
    response,
    created: Math.floor(Date.now() / 1000),
    keyId: signer.thumbprint,
    signed: exchange.claim,
  })
  const signature = await signer.sign(Buffer.from(base))
  return {
    'signature-input': input,
    signature: `${responseLabel}=:${signature.toString('base64')}:`,
  }
}

function isHeaders(value: unknown): value is OutgoingHttpHeaders {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function lowerCase(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  )
}

function textOf(value: OutgoingHttpHeaders[string]): string | undefined {
  return value === undefined ? undefined : String(value)
}
