// The MCP server that one request of an agent meets: its tools are those of the pact, and every
// call goes through the life of a call.
import {
  inputRequired,
  type InputRequiredResult,
  LOG_LEVEL_META_KEY,
  type LoggingLevel,
  ProtocolError,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { AirworthyError } from '../../../core/errors.ts'
import { version } from '../../../core/version.ts'
import type { Gateway } from '../../gateway.ts'
import { errorOf } from '../../http/replies.ts'
import { runHeader, runMeta } from '../../runs/run-name.ts'
import type { ToolRelay } from '../../tools/backend.ts'
import { jsonRpcError, throwTyped } from './agent-errors.ts'
import { featureCapabilities, permittedFeatures, serveFeatures } from './agent-features.ts'
import {
  ownerOf,
  type Push,
  relayByRounds,
  relayMarks,
  relayOverStream,
  stateOf,
} from './agent-relay.ts'
import type { McpExchange } from './exchange.ts'
import { findGatewayTool } from './gateway-tools.ts'
import { InteractiveCall, type WhileRunning } from './interactive-call.ts'
import { listPermitted } from './list-permitted.ts'
import type { ToolCallInput } from '../../tools/prepare-tool-call.ts'
import { callTool } from '../../tools/tool-call.ts'
import type { ToolReply } from '../../tools/tool-reply.ts'

/** What a server tells in the middle of one call; more is dropped, the result is not. */
const messagesMax = 10_000

const levels: readonly LoggingLevel[] = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
]
const defaultLevel: LoggingLevel = 'info'

/** `push`: to a client of revision 2025-11-25 that takes a stream for a reply. */
export function createAgentServer(gateway: Gateway, exchange: McpExchange, push?: Push): Server {
  const permitted = permittedFeatures(gateway, exchange)
  const capabilities = permitted === undefined ? {} : featureCapabilities(permitted)
  const server = new Server(
    { name: 'airworthy', version },
    { capabilities: { tools: {}, ...capabilities } },
  )
  server.setRequestHandler('tools/list', async ({ params }, context) => {
    const isModern = context.mcpReq.envelope !== undefined
    const request = { cursor: params?.cursor, isModern }
    return listPermitted(gateway, exchange, request).catch((thrown: unknown) =>
      throwTyped(gateway, thrown),
    )
  })
  server.setRequestHandler('tools/call', async ({ params }, context) => {
    const tool = parseToolName(params.name)
    const args = params.arguments ?? {}
    const own = findGatewayTool(tool)
    if (own !== undefined) {
      return own
        .call(gateway, exchange, args)
        .catch((thrown: unknown) => throwTyped(gateway, thrown))
    }
    if (context.mcpReq.envelope !== undefined) {
      return callByRounds(gateway, { exchange, tool, args, context })
    }
    const marks = push === undefined ? '' : relayMarks(exchange, undefined)
    const relay =
      push === undefined || marks === ''
        ? undefined
        : relayOverStream(gateway, exchange, { marks, push })
    return call(gateway, { exchange, tool, args, context, relay })
  })
  if (permitted === undefined) return server
  server.setRequestHandler('logging/setLevel', ({ params }) => {
    gateway.notifications.setLevel(exchange.clientKey, permitted.from, params.level)
    return {}
  })
  serveFeatures(server, {
    gateway,
    exchange,
    permitted,
    call: (tool, args, context) => call(gateway, { exchange, tool, args, context }),
  })
  return server
}

type AskedCall = {
  readonly exchange: McpExchange
  readonly tool: string
  readonly args: Readonly<Record<string, unknown>>
  readonly context: ServerContext
}

async function call(
  gateway: Gateway,
  asked: AskedCall & { readonly relay?: ToolRelay | undefined },
): Promise<CallToolResult> {
  const { exchange, context, relay } = asked
  const { signal } = exchange.abort
  const live = { signal, relay, ...whileRunning(gateway, exchange, context) }
  return showReply(exchange, await reach(gateway, asked, live))
}

/** Throws errors as JSON-RPC has them. */
function reach(
  gateway: Gateway,
  { exchange, tool, args, context }: AskedCall,
  live: ToolCallInput['live'],
): Promise<ToolReply> {
  const { principal, server, request } = exchange
  const run = context.mcpReq._meta?.[runMeta] ?? request.headers[runHeader]
  return callTool(gateway, { principal, server, tool, args, run, live }).catch((thrown: unknown) =>
    throwTyped(gateway, thrown),
  )
}

function showReply(exchange: McpExchange, reply: ToolReply): CallToolResult {
  exchange.mark = reply
  const { result } = reply
  return {
    ...result,
    _meta: {
      ...result._meta,
      'airworthy/call': reply.callId,
      'airworthy/receipt': reply.receipt,
      'airworthy/decision': reply.decision,
    },
  }
}

/**
 * Revision 2026-07-28: what the tool server asks the client is the result of the request, and the
 * client's answers come with another request of the same call.
 */
async function callByRounds(
  gateway: Gateway,
  asked: AskedCall,
): Promise<CallToolResult | InputRequiredResult> {
  const { exchange, tool, context } = asked
  const state = stateOf(context)
  const interactive =
    state === undefined
      ? startCall(gateway, asked)
      : await takeUp(gateway, asked, state).catch((thrown: unknown) => throwTyped(gateway, thrown))
  interactive.answer(context.mcpReq.inputResponses ?? {})
  const turn = await interactive.turn(
    exchange.abort.signal,
    whileRunning(gateway, exchange, context),
  )
  if (turn.kind === 'ended') return fitOutput(exchange, tool, showReply(exchange, turn.reply))
  try {
    const requestState = gateway.relays.park(ownerOf(gateway, exchange, asked), interactive)
    return inputRequired({ inputRequests: turn.requests, requestState })
  } catch (thrown) {
    return throwTyped(gateway, thrown)
  }
}

async function takeUp(gateway: Gateway, asked: AskedCall, state: string): Promise<InteractiveCall> {
  const { exchange } = asked
  // No decision looks at the key again: the call is decided already.
  await gateway.identifier.identifyForList(exchange.request.headers, exchange.sessionKey)
  return gateway.relays.take(ownerOf(gateway, exchange, asked), state)
}

function startCall(gateway: Gateway, asked: AskedCall): InteractiveCall {
  const { exchange, context } = asked
  const marks = relayMarks(exchange, context.mcpReq.envelope)
  return new InteractiveCall((interactive) => {
    const relay =
      marks === '' ? undefined : relayByRounds(gateway, exchange, { marks, call: interactive })
    const told = interactive.tellAs(whileRunning(gateway, exchange, context))
    return reach(gateway, asked, { signal: interactive.signal, relay, ...told })
  })
}

/** What the agent asked to be told while the tool works: progress, and log messages. */
function whileRunning(
  gateway: Gateway,
  exchange: McpExchange,
  context: ServerContext,
): WhileRunning {
  const { envelope, _meta: meta, notify } = context.mcpReq
  let told = 0
  const tell = (notification: Parameters<typeof notify>[0]): void => {
    told += 1
    // The client may be gone; what it then misses is no failure of the call.
    if (told <= messagesMax) notify(notification).catch(() => undefined)
  }
  const progressToken = meta?.progressToken
  const level =
    envelope === undefined
      ? (gateway.notifications.levelOf(exchange.clientKey) ?? defaultLevel)
      : levelIn(envelope)
  return {
    ...(progressToken === undefined
      ? {}
      : {
          onProgress: (progress) =>
            tell({ method: 'notifications/progress', params: { ...progress, progressToken } }),
        }),
    ...(level === undefined
      ? {}
      : {
          logs: {
            level,
            onMessage: (params) => {
              if (levels.indexOf(params.level) >= levels.indexOf(level)) {
                tell({ method: 'notifications/message', params })
              }
            },
          },
        }),
  }
}

/** Revision 2026-07-28 names the level in each call that wants log messages. */
function levelIn(envelope: object): LoggingLevel | undefined {
  const named: unknown = Reflect.get(envelope, LOG_LEVEL_META_KEY)
  return levels.find((level) => level === named)
}

/** As the manifest has it; the length is that of MCP. What has no such name cannot be enrolled. */
const toolNamePattern = /^[A-Za-z0-9_.-]{1,128}$/

function parseToolName(name: string): string {
  if (toolNamePattern.test(name)) return name
  const message = 'a tool has a name of at most 128 letters, digits, "-", "_" and "."'
  const { error } = errorOf(new AirworthyError('tool.unknown', message))
  throw new ProtocolError(jsonRpcError, message, error)
}

/**
 * A client that knows the output schema takes a result without structured content for a protocol
 * error, and would show nothing of it. What was done, but whose result is not there in that form, is
 * told as an error that says so.
 */
function fitOutput(exchange: McpExchange, tool: string, result: CallToolResult): CallToolResult {
  const enrolled = exchange.loaded.pinned.get(`${exchange.server}/${tool}`)
  const hasSchema = enrolled?.outputSchema !== undefined
  if (!hasSchema || result.isError === true || result.structuredContent !== undefined) return result
  const note = 'the call was done; its result is not there in the form of its output schema'
  return { ...result, isError: true, content: [{ type: 'text', text: note }, ...result.content] }
}
