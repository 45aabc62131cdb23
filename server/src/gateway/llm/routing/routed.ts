// A call that names a route, and how it is written down for reports.
import { headers as headerNames } from '@airworthy/sdk'
import { describeUse, firstModel, type RouteChoice } from '../../../core/routing/route.ts'
import type { RouteFacts } from '../../../core/routing/environment.ts'
import type { RoutedCall } from '../../../store/models/routed-calls.ts'
import type { ReplyTarget } from '../detached-reply.ts'
import type { ModelCallInput, Variant } from '../prepare-model-call.ts'

export type Routed = {
  readonly choice: RouteChoice
  readonly facts: RouteFacts
  readonly pactId: string
  /** The share of calls whose answers are compared. */
  readonly compare: number
}

/** Runs one call with one model, whatever its body names. */
export type RunVariant = (
  input: ModelCallInput,
  response: ReplyTarget,
  variant: Variant,
) => Promise<void>

/** Vectors and counts of tokens are no answers that could be judged or compared. */
export function isJudged({ wire }: ModelCallInput): boolean {
  return wire.api !== 'embeddings' && wire.countsOnly !== true
}

/** The call and the model that a reply is of: another attempt is a call of its own. */
export type Answered = { readonly callId: string; readonly used: string }

export function answeredBy(
  headers: Readonly<Record<string, string | number>>,
  asked: Answered,
): Answered {
  return {
    callId: String(headers[headerNames.call] ?? asked.callId),
    used: String(headers[headerNames.model] ?? asked.used),
  }
}

/** The client's reply, with a look at its headers. */
export function watchHead(
  response: ReplyTarget,
  onHead: (headers: Readonly<Record<string, string | number>>) => void,
): ReplyTarget {
  return new Proxy(response, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        const [, headers] = args
        if (name === 'writeHead') onHead(Object.assign({}, headers))
        return Reflect.apply(value, target, args)
      }
    },
  })
}

/** How a routed call is written down for reports. */
export function lineOf(
  { input, routed }: { readonly input: ModelCallInput; readonly routed: Routed },
  what: Pick<RoutedCall, 'step' | 'used' | 'ofCallId' | 'fault' | 'agreement' | 'score'> & {
    readonly callId?: string
  },
): RoutedCall {
  const { choice, pactId } = routed
  return {
    callId: input.callId,
    agentId: input.principal.agentId,
    pactId,
    route: choice.asked,
    rule: choice.rule,
    mode: choice.mode,
    chosen: choice.mode === 'shadow' ? firstModel(choice.chosen) : describeUse(choice.chosen),
    complexity: choice.complexity,
    ...what,
  }
}
