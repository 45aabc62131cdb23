// One call of a tool, and what its end says of the world: a result, certainly nothing, or unknown.
import {
  type CallToolResult,
  type Client,
  LOG_LEVEL_META_KEY,
  type LoggingLevel,
  ProtocolError,
  ProtocolErrorCode,
  SdkError,
  SdkErrorCode,
  SdkHttpError,
  type Tool,
} from '@modelcontextprotocol/client'
import { AirworthyError } from '../../../core/errors.ts'
import type { ToolEnd, ToolProgress } from '../../tools/backend.ts'
import { type FeatureTool, featureResult } from './features.ts'
import { toToolResult } from '../../tools/tool-result.ts'

/**
 * `isBroken`: the connection must be made anew. `isSessionLost`: the server did not know the
 * session, so it ran nothing, and the call may be sent once more on a new connection.
 */
export type ConnectedEnd = ToolEnd & {
  readonly isBroken?: boolean
  readonly isSessionLost?: boolean
}

export type ConnectedRequest = {
  readonly tool: string
  /** As it is listed now: says which arguments revision 2026-07-28 wants as headers too. */
  readonly definition: Tool | undefined
  readonly args: Readonly<Record<string, unknown>>
  readonly meta: Readonly<Record<string, unknown>>
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: ToolProgress) => void) | undefined
  readonly logLevel: LoggingLevel | undefined
}

export async function callConnected(
  client: Client,
  request: ConnectedRequest,
): Promise<ConnectedEnd> {
  if (request.signal?.aborted === true) return { kind: 'failed', error: cancelled() }
  const params = {
    name: request.tool,
    arguments: { ...request.args },
    _meta: metaOf(client, request),
  }
  try {
    const result: CallToolResult = await client.callTool(params, {
      ...optionsOf(request),
      ...(request.definition === undefined
        ? {}
        : { toolDefinition: withoutOutputSchema(request.definition) }),
    })
    return { kind: 'result', result: toToolResult(result) }
  } catch (thrown) {
    return readFailure(thrown, request.signal)
  }
}

/** A read of a resource or prompt, or a completion: see `features.ts`. */
export async function callFeature(
  client: Client,
  feature: Exclude<FeatureTool, 'resources.subscribe'>,
  request: ConnectedRequest,
): Promise<ConnectedEnd> {
  if (request.signal?.aborted === true) return { kind: 'failed', error: cancelled() }
  const params = { ...request.args, _meta: metaOf(client, request) }
  try {
    const result = await client.request(
      { method: featureMethods[feature], params },
      optionsOf(request),
    )
    return { kind: 'result', result: featureResult(result) }
  } catch (thrown) {
    return readFailure(thrown, request.signal)
  }
}

const featureMethods = {
  'resources.read': 'resources/read',
  'prompts.get': 'prompts/get',
  'completion.complete': 'completion/complete',
} as const

function metaOf(client: Client, request: ConnectedRequest): Record<string, unknown> {
  // Revision 2026-07-28 asks for log messages call by call; before it, a server sends what it likes.
  const isAsked = request.logLevel !== undefined && client.getProtocolEra() === 'modern'
  return { ...request.meta, ...(isAsked ? { [LOG_LEVEL_META_KEY]: request.logLevel } : {}) }
}

function optionsOf(request: ConnectedRequest) {
  const { timeoutMs, signal, onProgress } = request
  return {
    timeout: timeoutMs,
    // Of all rounds, where the server asks for more before it answers.
    maxTotalTimeout: timeoutMs,
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onprogress: onProgress }),
  }
}

/**
 * The client would otherwise throw when a result does not fit, as if the call had been refused; but
 * what was done is done, and its result is judged elsewhere.
 */
function withoutOutputSchema(tool: Tool): Tool {
  const { outputSchema: _output, ...definition } = tool
  return definition
}

function cancelled(): AirworthyError {
  return new AirworthyError('client.closed', 'the call was cancelled, or its client went away')
}

// JSON-RPC codes as plain numbers: an upstream may send any.
const refusedBeforeRunning = new Set<number>([
  ProtocolErrorCode.InvalidParams,
  ProtocolErrorCode.MethodNotFound,
  ProtocolErrorCode.InvalidRequest,
  ProtocolErrorCode.ParseError,
  ProtocolErrorCode.UnsupportedProtocolVersion,
  ProtocolErrorCode.MissingRequiredClientCapability,
  // Of revision 2026-07-28: headers and body of the request disagree.
  -32_020,
])

const neverSentCodes = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'])

function readFailure(thrown: unknown, signal: AbortSignal | undefined): ConnectedEnd {
  const refusal = refusalIn(thrown)
  if (refusal !== undefined) return { kind: 'failed', error: refusal }
  if (signal?.aborted === true) return { kind: 'unknown', error: cancelled() }
  if (thrown instanceof ProtocolError) {
    const error = new AirworthyError('upstream.refused', thrown.message, {
      detail: { jsonRpcCode: thrown.code },
    })
    return { kind: refusedBeforeRunning.has(thrown.code) ? 'failed' : 'unknown', error }
  }
  if (thrown instanceof SdkHttpError) return readStatus(thrown)
  if (thrown instanceof SdkError) return readSdkError(thrown)
  const code = errorCodeOf(thrown)
  if (neverSentCodes.has(code)) {
    return failedToReach(`the tool server cannot be reached (${code})`, thrown)
  }
  return unreadable(thrown)
}

/** What the fence did not let out: not a byte of it was written. */
function refusalIn(thrown: unknown): AirworthyError | undefined {
  for (let error: unknown = thrown; error instanceof Error; error = error.cause) {
    if (error instanceof AirworthyError && error.code === 'gateway.lease_ended') return error
  }
  return undefined
}

function readStatus(thrown: SdkHttpError): ConnectedEnd {
  const { status } = thrown
  const message = `the tool server answered HTTP ${status}`
  const error = new AirworthyError('upstream.refused', message, { cause: thrown })
  if (status === 404) return { kind: 'failed', error, isBroken: true, isSessionLost: true }
  // A client error says that the request was not taken; 408 and 409 may come from the middle of it.
  const isRefused = status >= 400 && status < 500 && status !== 408 && status !== 409
  return { kind: isRefused ? 'failed' : 'unknown', error }
}

function readSdkError(thrown: SdkError): ConnectedEnd {
  const { code } = thrown
  if (code === SdkErrorCode.RequestTimeout) {
    const message = 'the tool did not answer in time'
    return { kind: 'unknown', error: new AirworthyError('upstream.timeout', message) }
  }
  if (code === SdkErrorCode.ConnectionClosed) {
    const message = 'the tool server went away in the middle of the call'
    const error = new AirworthyError('upstream.interrupted', message)
    return { kind: 'unknown', error, isBroken: true }
  }
  if (code === SdkErrorCode.NotConnected) {
    return failedToReach(`the tool server cannot be reached: ${thrown.message}`, thrown)
  }
  if (wantsMore.has(code)) {
    // It wants something of the agent's model or people first, and so has not answered the call.
    const message = `the tool server asks for what it may not have here: ${thrown.message}`
    return { kind: 'unknown', error: new AirworthyError('upstream.refused', message) }
  }
  return unreadable(thrown)
}

const wantsMore = new Set<SdkErrorCode>([
  SdkErrorCode.CapabilityNotSupported,
  SdkErrorCode.UnsupportedResultType,
])

function failedToReach(message: string, cause: unknown): ConnectedEnd {
  const error = new AirworthyError('upstream.unreachable', message, { cause })
  return { kind: 'failed', error, isBroken: true }
}

function unreadable(cause: unknown): ConnectedEnd {
  const message = 'the tool server answered something that cannot be read'
  return {
    kind: 'unknown',
    error: new AirworthyError('upstream.invalid', message, { cause }),
    isBroken: true,
  }
}

function errorCodeOf(thrown: unknown): string {
  for (let error: unknown = thrown; error instanceof Error; error = error.cause) {
    if ('code' in error && typeof error.code === 'string') return error.code
    if (error instanceof AggregateError) return errorCodeOf(error.errors[0])
  }
  return ''
}
