// A model call whose intent is placed, on its way to the upstream and back.
import type { IncomingHttpHeaders } from 'node:http'
import type { CompiledEndpoint } from '../../core/pact/compiled.ts'
import type { IntentResult } from '../../store/recorder/types.ts'
import type { LiveCall } from '../kill/fence.ts'
import type { ReplyTarget } from './detached-reply.ts'
import type { ModelCallInput, PreparedModelCall } from './prepare-model-call.ts'
import type { ModelWire } from './wire.ts'

export type Forwarding = {
  readonly input: ModelCallInput
  readonly prepared: PreparedModelCall
  readonly result: IntentResult & { kind: 'proceed' }
  readonly durable: Promise<IntentResult>
  readonly response: ReplyTarget
  readonly clientHeaders: IncomingHttpHeaders
  /** Asked before each of its dispatches, and before a cached reply is given. */
  readonly live: LiveCall
}

/** Where one attempt of a call goes. */
export type Route = {
  readonly endpoint: CompiledEndpoint
  /** What is spoken there; the client's own wire where nothing is translated. */
  readonly wire: ModelWire
  /** Attempts of the call so far, this one included. */
  readonly attempt: number
}

/** What the reply's header says of the decision. */
export function decisionOf(result: IntentResult & { kind: 'proceed' }): string {
  return result.enforced ? 'allow' : `would-${result.decision.verdict}`
}

/** The most completion tokens that the call may use: what was reserved, or what it was cut to. */
export function completionBound({ result, prepared }: Forwarding): bigint {
  return result.completionTokens ?? prepared.completionTokens
}
