// A model call whose intent is placed, on its way to the upstream and back.
import type { IncomingHttpHeaders } from 'node:http'
import type { IntentResult } from '../../store/recorder/types.ts'
import type { ReplyTarget } from './detached-reply.ts'
import type { ModelCallInput, PreparedModelCall } from './prepare-model-call.ts'

export type Forwarding = {
  readonly input: ModelCallInput
  readonly prepared: PreparedModelCall
  readonly result: IntentResult & { kind: 'proceed' }
  readonly durable: Promise<IntentResult>
  readonly response: ReplyTarget
  readonly clientHeaders: IncomingHttpHeaders
}

/** What the reply's header says of the decision. */
export function decisionOf(result: IntentResult & { kind: 'proceed' }): string {
  return result.enforced ? 'allow' : `would-${result.decision.verdict}`
}
