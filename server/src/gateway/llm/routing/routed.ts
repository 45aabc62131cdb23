// A call that names a route, and how it is written down for reports.
import { describeUse, firstModel, type RouteChoice } from '../../../core/routing/route.ts'
import type { RouteFacts } from '../../../core/routing/environment.ts'
import type { RoutedCall } from '../../../store/routed-calls.ts'
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
