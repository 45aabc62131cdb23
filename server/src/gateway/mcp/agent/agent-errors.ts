// How an error of ours goes out as one of JSON-RPC.
import { ProtocolError } from '@modelcontextprotocol/server'
import type { Gateway } from '../../gateway.ts'
import { errorOf } from '../../http/replies.ts'
import { causeOf } from '../../llm/refuse-model-call.ts'

/** Of the range that JSON-RPC 2.0 leaves to servers; `data.code` says what it is. */
export const jsonRpcError = -32_000

/** A JSON-RPC error that carries our code: without it clients could only read the message. */
export function throwTyped(gateway: Gateway, thrown: unknown): never {
  if (thrown instanceof ProtocolError) throw thrown
  const { status, error } = errorOf(thrown)
  if (status >= 500) {
    gateway.log('a tool call failed', { code: error.code, cause: causeOf(thrown) })
  }
  throw new ProtocolError(jsonRpcError, error.message, error)
}
