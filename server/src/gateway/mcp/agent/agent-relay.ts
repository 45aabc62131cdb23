// What a tool server may ask of the client that made a call: who is asked how, within which bounds,
// and what goes on record.
import { randomUUID } from 'node:crypto'
import { specTypeSchemas } from '@modelcontextprotocol/client'
import {
  CLIENT_CAPABILITIES_META_KEY,
  type InputRequest,
  isJSONRPCErrorResponse,
  type JSONRPCMessage,
  type JSONRPCRequest,
  ProtocolError,
  ProtocolErrorCode,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { canonicalJson } from '../../../core/canonical.ts'
import type { Gateway } from '../../gateway.ts'
import type { ToolRelay } from '../../tools/backend.ts'
import { headerOf, type McpExchange, sessionHeader } from './exchange.ts'
import type { InteractiveCall } from './interactive-call.ts'
import { marksInName, marksOf, narrowMarks, type RelayKind } from '../servers/relay-marks.ts'

/** Sends a message to the client on the stream of its call. */
export type Push = (message: JSONRPCMessage) => Promise<void>

type JSONRPCRequestBody = Pick<JSONRPCRequest, 'method' | 'params'>

/** Of one call. */
const questionsMax = 100
const questionsAtOnceMax = 8
const questionBytesMax = 1024 * 1024
const errorCharsMax = 1000
/** Of a keyed digest of 256 bits, in hex: enough that nobody finds another with the same. */
const digestChars = 32

/** What the server of this exchange may ask of its client; '' when that is nothing. */
export function relayMarks(exchange: McpExchange, envelope: object | undefined): string {
  const server = exchange.loaded.pact.servers.get(exchange.server)
  const relay = server !== undefined && 'relay' in server ? server.relay : undefined
  if (relay === undefined) return ''
  if (envelope === undefined) {
    return narrowMarks(marksInName(headerOf(exchange.request, sessionHeader) ?? ''), relay)
  }
  const capabilities: unknown = Reflect.get(envelope, CLIENT_CAPABILITIES_META_KEY)
  const parsed = specTypeSchemas.ClientCapabilities['~standard'].validate(capabilities)
  return parsed.issues === undefined ? narrowMarks(marksOf(parsed.value), relay) : ''
}

/** Whose answers count: one client of one session, by one key. */
export function clientOf(exchange: McpExchange): string {
  return `${exchange.principal.apiKeyId} ${exchange.clientKey}`
}

/** Who may go on with a call, and with which: a call of other arguments is another call. */
export function ownerOf(
  gateway: Gateway,
  exchange: McpExchange,
  call: { tool: string; args: Readonly<Record<string, unknown>> },
): string {
  const { tool, args } = call
  return `${clientOf(exchange)} ${tool} ${gateway.vault.digest(canonicalJson(args))}`
}

/** Revision 2025-11-25: asks on the stream of the call, and waits for the client's own request. */
export function relayOverStream(
  gateway: Gateway,
  exchange: McpExchange,
  options: { marks: string; push: Push },
): ToolRelay {
  const { marks, push } = options
  const client = clientOf(exchange)
  return boundRelay(gateway, { client, marks }, async (request, signal) => {
    const { id, answer, forget } = gateway.relays.expect(client)
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const onAbort = (): void => {
      reject(signal.reason)
      const params = { requestId: id, reason: 'nobody waits for the answer any more' }
      // The client may be gone, and then needs not be told.
      void push({ jsonrpc: '2.0', method: 'notifications/cancelled', params }).catch(
        () => undefined,
      )
    }
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      const sent = push({ jsonrpc: '2.0', id, ...forOlder(request) })
      const response = await Promise.race([sent.then(() => answer), aborted])
      if (!isJSONRPCErrorResponse(response)) return response.result
      const { code, message } = response.error
      throw new ProtocolError(code, message.slice(0, errorCharsMax))
    } finally {
      signal.removeEventListener('abort', onAbort)
      forget()
    }
  })
}

/** Revision 2026-07-28: the questions are the result of the call's request. */
export function relayByRounds(
  gateway: Gateway,
  exchange: McpExchange,
  options: { marks: string; call: InteractiveCall },
): ToolRelay {
  const { marks, call } = options
  return boundRelay(gateway, { client: clientOf(exchange), marks }, (request, signal) =>
    call.ask(request, signal),
  )
}

const kinds: Readonly<Record<InputRequest['method'], RelayKind>> = {
  'elicitation/create': 'elicitation',
  'roots/list': 'roots',
  'sampling/createMessage': 'sampling',
}

function boundRelay(
  gateway: Gateway,
  { client, marks }: { client: string; marks: string },
  ask: ToolRelay['ask'],
): ToolRelay {
  const counts = new Map<RelayKind, { asked: number; answered: number }>()
  let [asked, waiting, digest] = [0, 0, '']
  const note = (request: InputRequest, end: unknown): void => {
    digest = gateway.vault.digest(`${digest} ${JSON.stringify([request, end])}`)
  }
  return {
    client,
    marks,
    ask: async (request, signal) => {
      refuseBeyond(request, { asked, waiting })
      const kind = kinds[request.method]
      const count = counts.get(kind) ?? { asked: 0, answered: 0 }
      counts.set(kind, count)
      asked += 1
      waiting += 1
      count.asked += 1
      try {
        const answer = await ask(request, signal)
        count.answered += 1
        note(request, answer)
        return answer
      } catch (thrown) {
        note(request, 'no answer')
        throw thrown
      } finally {
        waiting -= 1
      }
    },
    told: () => {
      if (asked === 0) return undefined
      const told = [...counts].map(([kind, each]) => `${kind} ${each.answered}/${each.asked}`)
      return `${told.join(' ')} ${digest.slice(0, digestChars)}`
    },
  }
}

function refuseBeyond(request: InputRequest, now: { asked: number; waiting: number }): void {
  if (now.asked >= questionsMax) refuse(`a call may ask its client ${questionsMax} times`)
  if (now.waiting >= questionsAtOnceMax) {
    refuse(`${questionsAtOnceMax} questions of this call wait for its client already`)
  }
  if (Buffer.byteLength(JSON.stringify(request)) > questionBytesMax) {
    refuse(`a question to a client has at most ${questionBytesMax} bytes`)
  }
}

function refuse(message: string): never {
  throw new ProtocolError(ProtocolErrorCode.InvalidRequest, message)
}

/** In revision 2025-11-25 a question to be answered on a web page has a name; later it has none. */
function forOlder({ method, params }: InputRequest): JSONRPCRequestBody {
  if (params === undefined) return { method }
  const isOnPage = 'mode' in params && params.mode === 'url'
  const isNamed = !isOnPage || Object.hasOwn(params, 'elicitationId')
  return { method, params: isNamed ? { ...params } : { ...params, elicitationId: randomUUID() } }
}

/** The state that a client sends back with its answers, if it does. */
export function stateOf(context: ServerContext): string | undefined {
  const state: unknown = context.mcpReq.requestState()
  return typeof state === 'string' ? state : undefined
}
