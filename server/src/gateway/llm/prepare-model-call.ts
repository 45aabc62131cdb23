// Steps 1 to 3 of a model call: what it asks for, what it may use at most, what the pact will be
// asked. Gives the intent for the recorder.
import { type Amounts, oneCall } from '../../core/budget/budget.ts'
import type { ModelCall } from '../../core/decision/call.ts'
import { decide } from '../../core/decision/decide.ts'
import type { Decision, Reason } from '../../core/decision/decision.ts'
import { callDigest } from '../../core/decision/loops.ts'
import { tighten } from '../../core/decision/tighten.ts'
import type { CompiledModel, CompiledPact } from '../../core/pact/compiled.ts'
import { isReservedToolName } from '../../core/pact/gateway-tools.ts'
import type { SessionFacts } from '../../core/decision/facts.ts'
import type { EffectIntent, Intent, Principal, Shrink } from '../../store/recorder/types.ts'
import type { Gateway } from '../gateway.ts'
import type { LoadedPact } from '../pacts.ts'
import type { Signals } from '../../core/escalation/escalation.ts'
import { watchModelCall } from '../escalation/watch-call.ts'
import { rememberMessages } from '../taint/messages.ts'
import { boundAmounts, hasUnknownPrice, isPlain, isPricedAs, type Tokens } from './pricing.ts'
import { boundPrompt } from './reserve-prompt.ts'
import { isWordless, type ModelRequest, type ModelWire } from './wire.ts'
import { upstreamWire } from './wires.ts'

export type ModelCallInput = {
  readonly callId: string
  readonly principal: Principal
  readonly wire: ModelWire
  readonly body: Buffer
  readonly request: ModelRequest
  readonly resume: Intent['resume']
  /** Of a call that was held: the model that it was held for, whatever its body names. */
  readonly modelName?: string | undefined
  /** The call that this one is another attempt of. */
  readonly retryOf?: string | undefined
  /** What the client puts on the request; it only routes. */
  readonly label?: string | undefined
}

/** How a call is asked for, where that is not as the client has it. */
export type Variant = {
  /** Instead of the model that the client names. */
  readonly modelName?: string | undefined
  /** Instead of the bound by bytes. */
  readonly promptTokens?: bigint | undefined
  readonly hasWaited?: boolean | undefined
  /** False: what is over a budget is denied, not asked about. */
  readonly asksWhenOver?: boolean | undefined
  readonly notes?: readonly Reason[] | undefined
  /** It is answered from a cache: nothing but the call itself is reserved. */
  readonly isCached?: boolean | undefined
}

export type PreparedModelCall = {
  readonly intent: Intent
  readonly loaded: LoadedPact
  /** Undefined where the model is not enrolled: the pact denies it, or a session only observes. */
  readonly model: CompiledModel | undefined
  /** What is reserved for prompt and completion. */
  readonly promptTokens: bigint
  readonly completionTokens: bigint
}

export async function prepareModelCall(
  gateway: Gateway,
  input: ModelCallInput,
  variant: Variant = {},
): Promise<PreparedModelCall> {
  const { principal, body, request } = input
  const loaded = await gateway.pacts.active(principal)
  const { pact } = loaded
  // Nothing to do for most agents: only where a rule asks where values came from.
  if (pact.taint.tracksValues) {
    await rememberMessages(gateway, { sessionId: principal.sessionId, body })
  }
  const asked = variant.modelName ?? request.model
  const model = pact.models.get(asked)
  // A name that nobody enrolled is the agent's own words: a keyed digest stands for it.
  const name = model?.name ?? `~${gateway.vault.digest(`model:${asked}`).slice(0, 16)}`
  const sealed = await gateway.vault.seal(principal.endUser, body)
  const promptTokens = variant.promptTokens ?? boundPrompt(body, request, model)
  const completionTokens = boundCompletion(input, model)
  const isCached = variant.isCached === true
  const tokens: Tokens = {
    promptTokens,
    completionTokens,
    isPlain: model !== undefined && isPlain(model, body, request),
  }
  const reservation = isCached ? oneCall : reserve(input, model, tokens)
  const drift = findDrift(loaded, request)
  const holdsDrift = drift !== undefined && pact.drift[drift] === 'hold'
  const holdsByTrigger = (pact.escalation?.models.length ?? 0) > 0
  const mayHold =
    holdsDrift ||
    holdsByTrigger ||
    (model?.bound.rules.some((rule) => rule.effect === 'hold') ?? false)
  const makeHoldEffect = (): EffectIntent => holdEffect(gateway, input)
  const asks = model !== undefined && variant.asksWhenOver !== false && hasOtherWay(model, request)
  const watch = watchModelCall(pact.escalation)
  const intent: Intent = {
    callId: input.callId,
    principal,
    pactId: loaded.pactId,
    kind: 'model',
    action: name,
    isWrite: false,
    reservation,
    request: sealed,
    decide: bindDecision({
      pact,
      digest: pact.loops.models
        ? callDigest(pact.loops, name, gateway.vault.digest(body))
        : undefined,
      name,
      reservation,
      principal,
      holdsDrift,
      drift,
      input,
      model,
    }),
    effect: mayHold ? makeHoldEffect() : undefined,
    holdEffect: makeHoldEffect,
    schemaHash: '',
    holdExpiresAfterMs: pact.holdExpiresAfterSeconds * 1000,
    drift,
    resume: input.resume,
    approvals: pact.approvals,
    hasWaited: variant.hasWaited === true,
    shrink: isCached ? undefined : makeShrink(model, tokens),
    asksWhenOver: asks && !isCached,
    retryOf: input.retryOf,
    notes: variant.notes,
    wire: input.wire.api,
    watch,
  }
  return { intent, loaded, model, promptTokens, completionTokens }
}

/** Whether something is left to do where a budget has no room: count, or ask another model. */
function hasOtherWay(model: CompiledModel, request: ModelRequest): boolean {
  const isCounted = model.tokenizer !== 'bytes'
  return isCounted || model.onBudget !== undefined || request.outside !== undefined
}

/** What is asked, else the model's own maximum. */
function boundCompletion({ request, wire }: ModelCallInput, model: CompiledModel | undefined) {
  if (model === undefined || wire.countsOnly === true) return 0n
  return BigInt(request.maxOutputTokens ?? model.maxOutputTokens * request.choices)
}

function reserve(
  { wire }: ModelCallInput,
  model: CompiledModel | undefined,
  tokens: Tokens,
): Amounts {
  // Counting tokens is a call, and costs nothing.
  if (model === undefined || wire.countsOnly === true) return oneCall
  return boundAmounts(model, tokens)
}

function makeShrink(model: CompiledModel | undefined, tokens: Tokens): Shrink | undefined {
  if (model === undefined) return undefined
  const { completionTokens } = tokens
  const completionTokensMin = BigInt(model.minOutputTokens)
  if (completionTokens <= completionTokensMin) return undefined
  return {
    completionTokensMin,
    completionTokensMax: completionTokens,
    reserve: (completion) => boundAmounts(model, { ...tokens, completionTokens: completion }),
  }
}

function findDrift(loaded: LoadedPact, request: ModelRequest): Intent['drift'] {
  const { systemText } = request
  if (systemText !== undefined && !loaded.pact.prompts.matchesPrompt(systemText)) return 'prompt'
  const isKnown = (name: string): boolean => {
    const bare = bareName(name)
    return loaded.callableNames.has(bare) || isReservedToolName(bare)
  }
  return request.toolNames.every(isKnown) ? undefined : 'tools'
}

/** Clients prefix tools with their server in ways of their own: `retail__x`, `retail/x`. */
export function bareName(name: string): string {
  const at = Math.max(name.lastIndexOf('__') + 1, name.lastIndexOf('/'))
  return at <= 0 ? name : name.slice(at + 1)
}

/** The same bytes mean another call on another wire. */
function holdEffect(gateway: Gateway, input: ModelCallInput): EffectIntent {
  const { principal, body, wire } = input
  const kind = wire.api === 'chat' ? 'model' : `model:${wire.api}`
  const digest = gateway.vault.digest(body)
  return {
    effectClass: 'read',
    key: `${principal.sessionId}:${kind}:${digest}`,
    argsHash: digest,
    windowMs: undefined,
    amountMinor: undefined,
    currency: undefined,
  }
}

function bindDecision(options: {
  pact: CompiledPact
  digest: string | undefined
  name: string
  reservation: Amounts
  principal: Principal
  holdsDrift: boolean
  drift: Intent['drift']
  input: ModelCallInput
  model: CompiledModel | undefined
}): Intent['decide'] {
  const { pact, name, reservation, principal, model, input } = options
  const call: ModelCall = {
    kind: 'model',
    model: name,
    stream: input.request.stream,
    tokensMax: Number(reservation.tokens),
    digest: options.digest,
    isWordless: isWordless(input.wire),
  }
  const agent = { name: principal.agentName, stakes: principal.stakes }
  const unserved = model && findUnserved(model, input)
  return (session: SessionFacts, nowMs: number, signals?: Signals): Decision => {
    const decision = decide(call, pact, { session, agent, nowMs, signals })
    if (unserved !== undefined) return tighten(decision, unserved)
    const reason = `the ${options.drift ?? ''} of the request is not as enrolled`
    const seen = options.holdsDrift
      ? tighten(decision, { verdict: 'hold', code: 'drift.held', rule: 'drift', reason })
      : decision
    if (input.wire.countsOnly !== true || seen.verdict !== 'hold') return seen
    return tighten(seen, notHeld)
  }
}

/** A held call is executed from its row, as a call of its API. */
const notHeld = {
  verdict: 'deny',
  code: 'policy.denied',
  rule: 'count',
  reason: 'counting tokens cannot wait for a person',
} as const

/** Why no endpoint of the model may take the call, whatever the rules say. */
function findUnserved(
  model: CompiledModel,
  { wire, request }: ModelCallInput,
): Parameters<typeof tighten>[1] | undefined {
  if (!model.endpoints.some((endpoint) => upstreamWire(endpoint, wire) !== undefined)) {
    const reason = `no endpoint of the model ${model.name} serves ${wire.api}`
    return { verdict: 'deny', code: 'model.unknown', rule: 'wire', reason }
  }
  if (hasUnknownPrice(model)) {
    const reason = `nobody knows what the model ${model.name} costs`
    return { verdict: 'deny', code: 'model.price_unknown', rule: 'price', reason }
  }
  const { dearer } = request
  if (dearer !== undefined && !isPricedAs(model, dearer.tier)) {
    const reason = `nobody knows what the model ${model.name} costs with ${dearer.asked}`
    return { verdict: 'deny', code: 'model.price_unknown', rule: 'price', reason }
  }
  return undefined
}
