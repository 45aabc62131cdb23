// Calls of one connection whose server may ask the client that made the call. Such a connection
// serves one client only; which of its calls is meant says the stream that the request comes on, or
// that there is only one call.
import {
  type Client,
  type ClientCapabilities,
  type InputRequest,
  ProtocolError,
  ProtocolErrorCode,
  SdkError,
  SdkErrorCode,
  type StandardSchemaV1Sync,
  specTypeSchemas,
} from '@modelcontextprotocol/client'
import type { ToolRelay } from '../../tools/backend.ts'
import { callContext, type RelayedCall } from './call-context.ts'
import type { ConnectedEnd } from './call-connected.ts'

export class RelayedCalls {
  readonly #running = new Set<RelayedCall>()
  /**
   * A call ended before its server answered it, and the server may go on with it: a request that no
   * stream relates to a call could be for that one.
   */
  #isUncertain = false

  /** A connection of which it is not certain what its requests belong to is made anew. */
  get isUncertain(): boolean {
    return this.#isUncertain
  }

  /** `timeoutMs`: of the call; who is asked has no longer than the call itself. */
  async run(
    options: { relay: ToolRelay; timeoutMs: number },
    run: (call: RelayedCall) => Promise<ConnectedEnd>,
  ): Promise<ConnectedEnd> {
    const over = new AbortController()
    const timer = setTimeout(() => over.abort(tooLate()), options.timeoutMs)
    const call = { relay: options.relay, over: over.signal }
    this.#running.add(call)
    let isAnswered = false
    try {
      const end = await run(call)
      isAnswered = end.kind === 'result'
      return end
    } finally {
      clearTimeout(timer)
      over.abort(ended())
      this.#running.delete(call)
      if (!isAnswered) this.#isUncertain = true
    }
  }

  /** Asks the client of the call that the request belongs to. Rejects where that is not certain. */
  async ask<Answer>(
    request: InputRequest,
    options: { signal: AbortSignal; answer: StandardSchemaV1Sync<unknown, Answer> },
  ): Promise<Answer> {
    const { relay, over } = this.#find(request)
    const signal = AbortSignal.any([options.signal, over])
    signal.throwIfAborted()
    const answer = await relay.ask(request, signal)
    const parsed = options.answer['~standard'].validate(answer)
    if (parsed.issues === undefined) return parsed.value
    const message = `the client answered ${request.method} with something else`
    throw new ProtocolError(ProtocolErrorCode.InternalError, message)
  }

  #find({ method }: InputRequest): RelayedCall {
    const related = callContext()?.relayed
    if (related !== undefined) return related
    const [only, ...others] = this.#running
    if (only !== undefined && others.length === 0 && !this.#isUncertain) return only
    const message = `${method} cannot be passed on: it is not certain which call it belongs to`
    throw new ProtocolError(ProtocolErrorCode.InvalidRequest, message)
  }
}

/**
 * Answers what the capabilities promise; everything else stays refused. What is in `_meta` is between
 * the server and us.
 */
export function relayRequests(
  client: Client,
  calls: RelayedCalls,
  { sampling, elicitation, roots }: ClientCapabilities,
): void {
  if (sampling !== undefined) {
    client.setRequestHandler('sampling/createMessage', ({ method, params }, { mcpReq }) => {
      const { _meta: _between, ...rest } = params
      const asked = { method, params: rest }
      const { signal } = mcpReq
      return params.tools === undefined && params.toolChoice === undefined
        ? calls.ask(asked, { signal, answer: specTypeSchemas.CreateMessageResult })
        : calls.ask(asked, { signal, answer: specTypeSchemas.CreateMessageResultWithTools })
    })
  }
  if (elicitation !== undefined) {
    client.setRequestHandler('elicitation/create', ({ method, params }, { mcpReq }) => {
      const { _meta: _between, ...rest } = params
      const asked = { method, params: rest }
      return calls.ask(asked, { signal: mcpReq.signal, answer: specTypeSchemas.ElicitResult })
    })
  }
  if (roots !== undefined) {
    client.setRequestHandler('roots/list', ({ method }, { mcpReq }) =>
      calls.ask({ method }, { signal: mcpReq.signal, answer: specTypeSchemas.ListRootsResult }),
    )
  }
}

function tooLate(): SdkError {
  return new SdkError(SdkErrorCode.RequestTimeout, 'the client did not answer in time')
}

function ended(): SdkError {
  return new SdkError(SdkErrorCode.ConnectionClosed, 'the call has ended')
}
