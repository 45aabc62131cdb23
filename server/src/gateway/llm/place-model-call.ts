// Proposes a model call until the answer stands. Where a budget has no room for it, what can be
// done is done in order: the prompt is counted, the completion is cut (by the recorder, under the
// lock), another model is asked; only then it is denied.
import type { Reason } from '../../core/decision/decision.ts'
import type { IntentResult } from '../../store/recorder/types.ts'
import type { Gateway } from '../gateway.ts'
import {
  type ModelCallInput,
  type PreparedModelCall,
  prepareModelCall,
  type Variant,
} from './prepare-model-call.ts'
import { countPrompt } from './reserve-prompt.ts'

/** Proposals that were overtaken: by a change of the pact, or by the same call in flight. */
const overtakenMax = 3
/** Counting, and the models of a chain of redirects. */
const variantsMax = 12
const inFlightWaitMs = 20_000

export type PlacedModelCall = {
  readonly result: IntentResult
  readonly durable: Promise<IntentResult>
  readonly prepared: PreparedModelCall
}

export async function placeModelCall(
  gateway: Gateway,
  input: ModelCallInput,
  first: Variant = {},
): Promise<PlacedModelCall> {
  let variant = first
  let overtaken = 0
  let variants = 0
  for (;;) {
    const prepared = await prepareModelCall(gateway, input, variant)
    const { decided, durable } = gateway.recorder.propose(prepared.intent)
    const result = await decided
    if (result.kind === 'over') {
      variants += 1
      const next =
        variants < variantsMax
          ? await otherWay(input, { prepared, variant, over: result })
          : undefined
      variant = next ?? {
        ...variant,
        asksWhenOver: false,
        notes: whyOver(input, prepared, variant),
      }
      continue
    }
    overtaken += 1
    if (overtaken > overtakenMax) return { result, durable, prepared }
    if (result.kind === 'stale') {
      gateway.pacts.correct(input.principal.versionId, result.pactId)
    } else if (result.kind === 'wait') {
      await gateway.inFlight.wait(result.ofCallId, inFlightWaitMs)
      variant = { ...variant, hasWaited: true }
    } else {
      return { result, durable, prepared }
    }
  }
}

/** What else may fit: the same call counted, then the model that the manifest names for it. */
async function otherWay(
  input: ModelCallInput,
  options: {
    readonly prepared: PreparedModelCall
    readonly variant: Variant
    readonly over: IntentResult & { kind: 'over' }
  },
): Promise<Variant | undefined> {
  const { variant, over } = options
  const { model, promptTokens } = options.prepared
  if (model === undefined) return undefined
  if (variant.promptTokens === undefined) {
    const counted = await countPrompt(input.body, input.request, model)
    if (counted !== undefined && counted < promptTokens) {
      return { ...variant, promptTokens: counted }
    }
  }
  const { onBudget } = model
  if (onBudget === undefined || over.onHit === 'block') return undefined
  const { unit, scope } = over
  const reason = `the ${unit} budget of ${scope} has no room for ${model.name}: ${onBudget.redirect} is asked instead`
  const note: Reason = { rule: 'budget.redirect', verdict: 'allow', reason }
  const notes = [...(variant.notes ?? []), note]
  return { ...variant, modelName: onBudget.redirect, promptTokens: undefined, notes }
}

function whyOver(
  { request }: ModelCallInput,
  { model }: PreparedModelCall,
  { notes }: Variant,
): Variant['notes'] {
  if (request.outside === undefined || model?.contextTokens !== undefined) return notes
  const reason = `${request.outside} has tokens that are not in the body: contextTokens of the model bounds them`
  return [...(notes ?? []), { rule: 'prompt.unbounded', verdict: 'deny', reason }]
}
