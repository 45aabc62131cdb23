// Which call a message of a server belongs to. Over HTTP, what a server sends during a call comes on
// the reply to that call, and is read in the context of whoever asked. Over stdio nothing says so:
// there the context is empty, and a log message is dropped rather than told to another agent.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { LoggingMessageNotification } from '@modelcontextprotocol/client'
import type { LiveCall } from '../../kill/fence.ts'
import type { ToolRelay } from '../../tools/backend.ts'

/** Takes what a server logs during one call. */
export type LogSink = (message: LoggingMessageNotification['params']) => void

/** A call whose server may ask the client that made it. */
export type RelayedCall = {
  readonly relay: ToolRelay
  /** Aborts when the call has ended, or its time is over. */
  readonly over: AbortSignal
}

export type CallContext = {
  readonly onMessage?: LogSink | undefined
  readonly relayed?: RelayedCall | undefined
  /** Asked when the call is written. */
  readonly live?: LiveCall | undefined
}

const context = new AsyncLocalStorage<CallContext>()

export function inCallContext<Result>(call: CallContext, run: () => Result): Result {
  return context.run(call, run)
}

/** Undefined where it is not certain. */
export function callContext(): CallContext | undefined {
  return context.getStore()
}
