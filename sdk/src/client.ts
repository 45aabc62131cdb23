// The client of the control API. It never retries: a command may have been carried out although
// its answer was lost, and only the caller knows whether to look first.
import type {
  AgentDetail,
  AgentPage,
  ApiKeyInfo,
  EnrolAgent,
  EnrolledAgent,
  IssuedKey,
} from './wire/agent.ts'
import type { Call, EffectState, Receipt, UndoCall } from './wire/call.ts'
import type { Effect, EffectPage, ResolveEffect } from './wire/effect.ts'
import type { EntryPage, Health, LogSummary } from './wire/entry.ts'
import type { DecidedHold, DecideHold, Hold, HoldPage, HoldState } from './wire/hold.ts'
import type { AddedOperator, AddOperator, Operator, OperatorPage } from './wire/operator.ts'
import type {
  OpenedSession,
  OpenSession,
  Session,
  SessionDetail,
  SessionPage,
} from './wire/session.ts'

export type ClientOptions = {
  /** Where the server listens, e.g. `http://127.0.0.1:4100`. */
  readonly baseUrl: string
  /** An operator's or launcher's key. Without one only `health` answers. */
  readonly key?: string
  readonly fetch?: typeof globalThis.fetch
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

type Page = { readonly after?: string; readonly limit?: number }

export type Client = ReturnType<typeof createClient>

const timeoutMsDefault = 30_000
/** Enrolment waits for tool servers to start; approving and undoing wait for the tool itself. */
const slowTimeoutMs = 300_000

/** A typed method per operation. Each throws `AirworthyApiError` unless the answer is a success. */
export function createClient(options: ClientOptions) {
  const { get, post } = requester(options)
  const slow = { timeoutMs: Math.max(slowTimeoutMs, options.timeoutMs ?? 0) }
  return {
    ...agentOperations(get, post, slow),
    openSession: (body: OpenSession) => post<OpenedSession>('/v1/sessions', body),
    listSessions: (query: Page & { agent?: string; state?: Session['state'] } = {}) =>
      get<SessionPage>('/v1/sessions', query),
    getSession: (id: string, query: { callsAfter?: string } = {}) =>
      get<SessionDetail>(`/v1/sessions/${segment(id)}`, query),
    closeSession: (id: string) => post<Session>(`/v1/sessions/${segment(id)}/close`, {}),
    listHolds: (query: Page & { state?: HoldState } = {}) => get<HoldPage>('/v1/holds', query),
    getHold: (id: string) => get<Hold>(`/v1/holds/${segment(id)}`),
    approveHold: (id: string, body: DecideHold = {}) =>
      post<DecidedHold>(`/v1/holds/${segment(id)}/approve`, body, slow),
    rejectHold: (id: string, body: DecideHold = {}) =>
      post<DecidedHold>(`/v1/holds/${segment(id)}/reject`, body, slow),
    getCall: (id: string) => get<Call>(`/v1/calls/${segment(id)}`),
    getReceipt: (id: string) => get<Receipt>(`/v1/calls/${segment(id)}/receipt`),
    undoCall: (id: string, body: UndoCall = {}) =>
      post<Call>(`/v1/calls/${segment(id)}/undo`, body, slow),
    listEffects: (query: Page & { state?: EffectState } = {}) =>
      get<EffectPage>('/v1/effects', query),
    resolveEffect: (id: string, body: ResolveEffect) =>
      post<Effect>(`/v1/effects/${segment(id)}/resolve`, body),
    addOperator: (body: AddOperator) => post<AddedOperator>('/v1/operators', body),
    listOperators: (query: Page = {}) => get<OperatorPage>('/v1/operators', query),
    revokeOperator: (id: string) => post<Operator>(`/v1/operators/${segment(id)}/revoke`, {}),
    listEntries: (query: Page = {}) => get<EntryPage>('/v1/entries', query),
    // The server reads the log for this one.
    getLog: () => get<LogSummary>('/v1/log', {}, slow),
    health: () => get<Health>('/healthz', {}, { alsoGood: 503 }),
  }
}

type Requester = ReturnType<typeof requester>

function agentOperations(
  get: Requester['get'],
  post: Requester['post'],
  slow: { timeoutMs: number },
) {
  return {
    enrolAgent: (body: EnrolAgent) => post<EnrolledAgent>('/v1/agents', body, slow),
    listAgents: (query: Page = {}) => get<AgentPage>('/v1/agents', query),
    /** `agent` is an id or a name, here and below. */
    getAgent: (agent: string) => get<AgentDetail>(`/v1/agents/${segment(agent)}`),
    issueKey: (agent: string) => post<IssuedKey>(`/v1/agents/${segment(agent)}/keys`, {}),
    revokeKey: (agent: string, keyId: string) =>
      post<ApiKeyInfo>(`/v1/agents/${segment(agent)}/keys/${segment(keyId)}/revoke`, {}),
  }
}

type Query = Readonly<Record<string, string | number | undefined>>
type Answer = {
  readonly timeoutMs?: number
  /** A status beside 2xx whose body is the reply, not an error. */
  readonly alsoGood?: number
}

function requester(options: ClientOptions) {
  const send = options.fetch ?? globalThis.fetch
  const base = options.baseUrl.replace(/\/+$/, '')
  const timeoutMs = options.timeoutMs ?? timeoutMsDefault
  const request = async <Reply>(path: string, init: RequestInit, answer: Answer) => {
    const headers = new Headers(init.headers)
    if (options.key !== undefined) headers.set('authorization', `Bearer ${options.key}`)
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
  return {
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

function segment(text: string): string {
  return encodeURIComponent(text)
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
