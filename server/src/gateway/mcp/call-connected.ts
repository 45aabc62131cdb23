// One call of a tool, and what its end says of the world: a result, certainly nothing, or unknown.
import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { CallToolResultSchema, ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js'
import { AirworthyError } from '../../core/errors.ts'
import type { ToolEnd } from '../tools/backend.ts'

/** `isBroken`: the connection must be made anew. */
export type ConnectedEnd = ToolEnd & { readonly isBroken?: boolean }

export async function callConnected(
  client: Client,
  request: {
    tool: string
    args: Readonly<Record<string, unknown>>
    meta: Readonly<Record<string, unknown>>
    timeoutMs: number
    signal?: AbortSignal | undefined
  },
): Promise<ConnectedEnd> {
  try {
    const result = await client.request(
      {
        method: 'tools/call',
        params: { name: request.tool, arguments: { ...request.args }, _meta: { ...request.meta } },
      },
      CallToolResultSchema,
      {
        timeout: request.timeoutMs,
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      },
    )
    return { kind: 'result', result }
  } catch (thrown) {
    return readFailure(thrown)
  }
}

// MCP and JSON-RPC codes as plain numbers: an upstream may send any.
const requestTimeout: number = ErrorCode.RequestTimeout
const connectionClosed: number = ErrorCode.ConnectionClosed
const refusedBeforeRunning = new Set<number>([
  ErrorCode.InvalidParams,
  ErrorCode.MethodNotFound,
  ErrorCode.InvalidRequest,
  ErrorCode.ParseError,
])

const neverSentCodes = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'])

function readFailure(thrown: unknown): ConnectedEnd {
  if (thrown instanceof McpError) {
    if (thrown.code === requestTimeout) {
      const message = 'the tool did not answer in time'
      return { kind: 'unknown', error: new AirworthyError('upstream.timeout', message) }
    }
    if (thrown.code === connectionClosed) {
      const message = 'the tool server went away in the middle of the call'
      const error = new AirworthyError('upstream.interrupted', message)
      return { kind: 'unknown', error, isBroken: true }
    }
    const error = new AirworthyError('upstream.refused', thrown.message, {
      detail: { jsonRpcCode: thrown.code },
    })
    return { kind: refusedBeforeRunning.has(thrown.code) ? 'failed' : 'unknown', error }
  }
  const code = errorCodeOf(thrown)
  if (neverSentCodes.has(code)) {
    const message = `the tool server cannot be reached (${code})`
    const error = new AirworthyError('upstream.unreachable', message, { cause: thrown })
    return { kind: 'failed', error, isBroken: true }
  }
  const message = 'the tool server answered something that cannot be read'
  const error = new AirworthyError('upstream.invalid', message, { cause: thrown })
  return { kind: 'unknown', error, isBroken: true }
}

function errorCodeOf(thrown: unknown): string {
  for (let error: unknown = thrown; error instanceof Error; error = error.cause) {
    if ('code' in error && typeof error.code === 'string') return error.code
    if (error instanceof AggregateError) return errorCodeOf(error.errors[0])
  }
  return ''
}
