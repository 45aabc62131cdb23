// Whether a reply is the gateway's, to the very request that was sent.
import { digestOf, signatureBase, type SignedRequest } from './sign-request.ts'
import { fromBase64, type ReplyVerifier } from './signing-key.ts'

/** Thrown by a signing fetch that was told whose replies to believe. */
export class ReplySignatureError extends Error {
  override readonly name = 'ReplySignatureError'
  /** `client.reply_unsigned`, or `client.reply_altered`: the signature does not fit. */
  readonly code: 'client.reply_unsigned' | 'client.reply_altered'
  readonly status: number

  constructor(code: ReplySignatureError['code'], status: number, message: string) {
    super(message)
    this.code = code
    this.status = status
  }
}

const skewSeconds = 5
const inputShape =
  /^sig1=(\((?<covered>[^()]{1,2000})\);created=(?<created>\d{1,12});keyid="(?<key>[A-Za-z0-9_-]{43})";nonce="(?<nonce>[A-Za-z0-9+/=]{1,128})";tag="airworthy-response")$/
const componentShape = /^"(?<name>@?[a-z-]{1,60})"(?<req>;req)?(?<key>;key="sig1")?$/
const signatureShape = /^sig1=:(?<bytes>[A-Za-z0-9+/]{80,100}={0,2}):$/
/** What may not go unsigned where it is there. */
const whenSent = ['content-type', 'airworthy-call', 'airworthy-receipt', 'airworthy-decision']

/**
 * Throws `ReplySignatureError` unless one of the keys signed this reply to this request. The body is
 * undefined for a stream: its head alone is signed.
 */
export async function verifyReply(options: {
  readonly request: SignedRequest
  readonly response: Response
  readonly body: Uint8Array<ArrayBuffer> | undefined
  /** By thumbprint. */
  readonly findKey: (thumbprint: string) => Promise<ReplyVerifier | undefined>
  readonly now: () => number
}): Promise<void> {
  const { request, response, body } = options
  const altered = (why: string): ReplySignatureError =>
    new ReplySignatureError('client.reply_altered', response.status, `the reply is refused: ${why}`)
  const input = response.headers.get('signature-input')
  const bytes = signatureShape.exec(response.headers.get('signature') ?? '')?.groups?.['bytes']
  if (input === null || bytes === undefined) {
    const message = `the gateway did not sign its reply (status ${response.status})`
    throw new ReplySignatureError('client.reply_unsigned', response.status, message)
  }
  const [, parameters = ''] = inputShape.exec(input) ?? []
  const { covered = '', created = '', key = '', nonce } = inputShape.exec(input)?.groups ?? {}
  if (nonce !== request.nonce) throw altered('it answers another request')
  const seconds = Number(created)
  const latest = options.now() / 1000 + skewSeconds
  if (seconds < request.created - skewSeconds || seconds > latest) {
    throw altered('its signature is of another time')
  }
  const lines = covered.split(' ').map((text) => lineOf(text, request, response))
  if (lines.some((line) => line === undefined)) throw altered('it covers what is not known')
  const known = lines.flatMap((line) => (line === undefined ? [] : [line]))
  const missing = missingOf(new Set(known.map(([name]) => name)), response, body)
  if (missing !== undefined) throw altered(`its signature does not cover ${missing}`)
  const verify = await options.findKey(key)
  if (verify === undefined) throw altered('it is signed by a key that is not the gateway’s')
  const base = signatureBase(known, parameters)
  if (!(await verify(base, fromBase64(bytes)))) throw altered('its signature does not fit')
  if (body === undefined || body.length === 0) return
  const digest = response.headers.get('content-digest')
  if (digest !== (await digestOf(body))) throw altered('its body is not the one that was signed')
}

function lineOf(
  text: string,
  request: SignedRequest,
  response: Response,
): readonly [string, string] | undefined {
  const { name = '', req, key } = componentShape.exec(text)?.groups ?? {}
  const value =
    req === undefined
      ? name === '@status'
        ? String(response.status)
        : response.headers.get(name)
      : ofRequest(name, key !== undefined, request)
  return value === null || value === undefined ? undefined : [text, value]
}

function ofRequest(name: string, hasKey: boolean, request: SignedRequest): string | undefined {
  if (name === 'signature' && hasKey) return request.signature
  if (name === '@method') return request.method
  if (name === '@authority') return request.authority
  return name === '@path' ? request.path : undefined
}

const alwaysCovered = [
  '"@status"',
  '"@method";req',
  '"@authority";req',
  '"@path";req',
  '"signature";req;key="sig1"',
]

function missingOf(
  covered: ReadonlySet<string>,
  response: Response,
  body: Uint8Array | undefined,
): string | undefined {
  const fields = whenSent.filter((name) => response.headers.has(name)).map((name) => `"${name}"`)
  const digest = body !== undefined && body.length > 0 ? ['"content-digest"'] : []
  return [...alwaysCovered, ...fields, ...digest].find((name) => !covered.has(name))
}
