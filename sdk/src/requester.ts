// How the client of the control API asks: one request, one answer, never a retry.
export type ClientOptions = {
  /** Where the server listens, e.g. `http://127.0.0.1:4100`. */
  readonly baseUrl: string
  /** An operator's or launcher's key. Without one only `health` answers. */
  readonly key?: string
  readonly fetch?: typeof globalThis.fetch
  /** Why it is asked; an auditor needs one to read payloads. It is logged. */
  readonly reason?: string
  /** For one request, whole; 30 seconds when not given. */
  readonly timeoutMs?: number
}

/** Thrown for every answer that is not a success. `code` is stable: branch on it. */
export class AirworthyApiError extends Error {
  override readonly name = 'AirworthyApiError'
  /** 0 when no answer came: `code` is then `client.unreachable` or `client.timeout`. */
  readonly status: number
  readonly code: string
  readonly detail: Readonly<Record<string, unknown>> | undefined

  constructor(failure: {
    status: number
    code: string
    message: string
    detail?: Readonly<Record<string, unknown>> | undefined
    cause?: unknown
  }) {
    super(failure.message, failure.cause === undefined ? {} : { cause: failure.cause })
    this.status = failure.status
    this.code = failure.code
    this.detail = failure.detail
  }
}

const timeoutMsDefault = 30_000
/** An export is read to its end. */
const streamTimeoutMs = 6 * 3_600_000

export type Requester = ReturnType<typeof requester>

type Query = Readonly<Record<string, string | number | undefined>>
type Answer = {
  readonly timeoutMs?: number
  /** A status beside 2xx whose body is the reply, not an error. */
  readonly alsoGood?: number
}

export function requester(options: ClientOptions) {
  const send = options.fetch ?? globalThis.fetch
  const base = options.baseUrl.replace(/\/+$/, '')
  const timeoutMs = options.timeoutMs ?? timeoutMsDefault
  const request = async <Reply>(path: string, init: RequestInit, answer: Answer) => {
    const headers = headersOf(options, init)
    const signal = AbortSignal.timeout(answer.timeoutMs ?? timeoutMs)
    const url = `${base}${path}`
    let response: Response
    let text: string
    try {
      response = await send(url, { ...init, headers, signal, redirect: 'error' })
      text = await response.text()
    } catch (cause) {
      throw unanswered(url, cause)
    }
    // The one cast of the client: the server is of the same release and its replies are typed.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return readReply(response, text, answer.alsoGood) as Reply
  }
  const stream = async (path: string, query: Query): Promise<ReadableStream<Uint8Array>> => {
    const headers = headersOf(options, {})
    const signal = AbortSignal.timeout(streamTimeoutMs)
    const url = `${base}${path}${queryText(query)}`
    let response: Response
    try {
      response = await send(url, { headers, signal, redirect: 'error' })
      if (response.ok && response.body !== null) return response.body
    } catch (cause) {
      throw unanswered(url, cause)
    }
    readReply(response, await response.text(), undefined)
    throw unanswered(url, undefined)
  }
  return {
    stream,
    get: <Reply>(path: string, query: Query = {}, answer: Answer = {}) =>
      request<Reply>(`${path}${queryText(query)}`, { method: 'GET' }, answer),
    post: <Reply>(path: string, body: unknown, answer: Answer = {}) =>
      request<Reply>(
        path,
        {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        },
        answer,
      ),
  }
}

function headersOf(options: ClientOptions, init: RequestInit): Headers {
  const headers = new Headers(init.headers)
  if (options.key !== undefined) headers.set('authorization', `Bearer ${options.key}`)
  if (options.reason !== undefined) {
    headers.set('airworthy-reason', encodeURIComponent(options.reason))
  }
  return headers
}

function queryText(query: Query): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  )
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs).toString()}`
}

function readReply(response: Response, text: string, alsoGood: number | undefined): unknown {
  const body = parseJson(text)
  const isGood = response.ok || response.status === alsoGood
  if (isGood && body !== undefined && !(isRecord(body) && isRecord(body['error']))) return body
  const error = isRecord(body) && isRecord(body['error']) ? body['error'] : {}
  const { code, message, detail } = error
  throw new AirworthyApiError({
    status: response.status,
    code: typeof code === 'string' ? code : 'client.not_airworthy',
    message:
      typeof message === 'string'
        ? message
        : `${response.url} answered ${response.status} with something that is not Airworthy's`,
    detail: isRecord(detail) ? detail : undefined,
  })
}

function unanswered(url: string, cause: unknown): AirworthyApiError {
  const isTimeout = cause instanceof Error && cause.name === 'TimeoutError'
  return new AirworthyApiError({
    status: 0,
    code: isTimeout ? 'client.timeout' : 'client.unreachable',
    message: isTimeout ? `${url} did not answer in time` : `${url} cannot be reached`,
    cause,
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
