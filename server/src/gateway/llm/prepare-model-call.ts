// Steps 1 to 3 of a model call: what it asks for, what it may use at most, what the pact will be
// asked. Gives the intent for the recorder.
import type { Amounts } from '../../core/budget/budget.ts'
import type { ModelCall } from '../../core/decision/call.ts'
import { decide } from '../../core/decision/decide.ts'
import type { Decision } from '../../core/decision/decision.ts'
import { callDigest } from '../../core/decision/loops.ts'
import { tighten } from '../../core/decision/tighten.ts'
import type { CompiledModel, CompiledPact } from '../../core/pact/compiled.ts'
import type { SessionFacts } from '../../core/decision/facts.ts'
import type { EffectIntent, Intent, Principal, TokenUsage } from '../../store/recorder/types.ts'
import type { Gateway } from '../gateway.ts'
import type { LoadedPact } from '../pacts.ts'
import { rememberMessages } from '../taint/messages.ts'
import type { ModelRequest, ModelWire } from './wire.ts'

export type ModelCallInput = {
  readonly callId: string
  readonly principal: Principal
  readonly wire: ModelWire
  readonly body: Buffer
  readonly request: ModelRequest
  readonly resume: Intent['resume']
}

export type PreparedModelCall = {
  readonly intent: Intent
  readonly loaded: LoadedPact
  /** Undefined where the model is not enrolled: the pact denies it, or a session only observes. */
  readonly model: CompiledModel | undefined
}

export async function prepareModelCall(
  gateway: Gateway,
  input: ModelCallInput,
  hasWaited: boolean,
): Promise<PreparedModelCall> {
  const { principal, body, request } = input
  const loaded = await gateway.pacts.active(principal)
  const { pact } = loaded
  // Nothing to do for most agents: only where a rule asks where values came from.
  if (pact.taint.tracksValues) {
    await rememberMessages(gateway, { sessionId: principal.sessionId, body })
  }
  const model = pact.models.get(request.model)
  const sealed = await gateway.vault.seal(principal.endUser, body)
  const reservation = boundUse(body, request, model)
  const drift = findDrift(loaded, request)
  const holdsDrift = drift !== undefined && pact.drift[drift] === 'hold'
  const mayHold = holdsDrift || (model?.bound.rules.some((rule) => rule.effect === 'hold') ?? false)
  const makeHoldEffect = (): EffectIntent => holdEffect(gateway, principal, body)
  const intent: Intent = {
    callId: input.callId,
    principal,
    pactId: loaded.pactId,
    kind: 'model',
    action: request.model,
    isWrite: false,
    reservation,
    request: sealed,
    decide: bindDecision({
      pact,
      digest: pact.loops.models
        ? callDigest(pact.loops, request.model, gateway.vault.digest(body))
        : undefined,
      request,
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
    hasWaited,
  }
  return { intent, loaded, model }
}

/**
 * The most that the call may use. A token is at least one byte of the body, so the body's bytes
 * bound the prompt; the completion is bounded by what is asked, else by the model's own maximum.
 */
function boundUse(body: Buffer, request: ModelRequest, model: CompiledModel | undefined): Amounts {
  if (model === undefined) return { calls: 1n, tokens: 0n, nanoUsd: 0n }
  const prompt = BigInt(body.length)
  const completion = BigInt(request.maxOutputTokens ?? model.maxOutputTokens)
  const { inputNanoUsd, outputNanoUsd } = model.prices
  return {
    calls: 1n,
    tokens: prompt + completion,
    nanoUsd: prompt * inputNanoUsd + completion * outputNanoUsd,
  }
}

/** What a call has cost, from its usage. Cached prompt tokens have a price of their own. */
export function priceUsage(model: CompiledModel, usage: TokenUsage): Amounts {
  const { inputNanoUsd, cachedInputNanoUsd, outputNanoUsd } = model.prices
  const fresh = BigInt(usage.promptTokens - usage.cachedTokens)
  const cached = BigInt(usage.cachedTokens)
  const completion = BigInt(usage.completionTokens)
  return {
    calls: 1n,
    tokens: fresh + cached + completion,
    nanoUsd: fresh * inputNanoUsd + cached * cachedInputNanoUsd + completion * outputNanoUsd,
  }
}

function findDrift(loaded: LoadedPact, request: ModelRequest): Intent['drift'] {
  const { systemText } = request
  if (systemText !== undefined && !loaded.pact.prompts.matchesPrompt(systemText)) return 'prompt'
  const isKnown = (name: string): boolean => loaded.callableNames.has(bareName(name))
  return request.toolNames.every(isKnown) ? undefined : 'tools'
}

/** Clients prefix tools with their server in ways of their own: `retail__x`, `retail/x`. */
export function bareName(name: string): string {
  const at = Math.max(name.lastIndexOf('__') + 1, name.lastIndexOf('/'))
  return at <= 0 ? name : name.slice(at + 1)
}

function holdEffect(gateway: Gateway, principal: Principal, body: Buffer): EffectIntent {
  const digest = gateway.vault.digest(body)
  return {
    effectClass: 'read',
    key: `${principal.sessionId}:model:${digest}`,
    argsHash: digest,
    windowMs: undefined,
    amountMinor: undefined,
    currency: undefined,
  }
}

function bindDecision(options: {
  pact: CompiledPact
  digest: string | undefined
  request: ModelRequest
  reservation: Amounts
  principal: Principal
  holdsDrift: boolean
  drift: Intent['drift']
  input: ModelCallInput
  model: CompiledModel | undefined
}): Intent['decide'] {
  const { pact, request, reservation, principal } = options
  const call: ModelCall = {
    kind: 'model',
    model: request.model,
    stream: request.stream,
    tokensMax: Number(reservation.tokens),
    digest: options.digest,
  }
  const agent = { name: principal.agentName, stakes: principal.stakes }
  return (session: SessionFacts, nowMs: number): Decision => {
    const decision = decide(call, pact, { session, agent, nowMs })
    if (options.model !== undefined && options.model.wire !== options.input.wire.name) {
      const reason = `the model is enrolled for the ${options.model.wire} wire`
      return tighten(decision, { verdict: 'deny', code: 'model.unknown', rule: 'wire', reason })
    }
    if (!options.holdsDrift) return decision
    const reason = `the ${options.drift ?? ''} of the request is not as enrolled`
    return tighten(decision, { verdict: 'hold', code: 'drift.held', rule: 'drift', reason })
  }
}
