// A call of the record, made ready to be decided again. Whatever the record does not hold is told,
// and never guessed.
import { canonicalJson, sha256Hex } from '../canonical.ts'
import { amountOf } from '../effect/effect-key.ts'
import type { CompiledPact, CompiledTool } from '../pact/compiled.ts'
import type { OriginsByArgument } from '../taint/taint.ts'
import { splitToolName } from './call.ts'
import type { Amount, Call, EffectClass, ToolCall } from './call.ts'
import type { RecordedFacts } from './decision.ts'
import type { SessionFacts, ToolCounts } from './facts.ts'
import { callDigestLength } from './loops.ts'
import type { PastCall } from './rebuild-facts.ts'
import { rulesAbout } from './recorded-facts.ts'

/** What was asked for; undefined where it is forgotten. */
export type PastRequest =
  | { readonly kind: 'tool'; readonly args: ToolCall['args'] }
  | { readonly kind: 'model'; readonly stream: boolean; readonly body: string }

export type PastCallOutcome =
  | { readonly kind: 'ok'; readonly call: Call }
  /** A rule reads the request, and it is forgotten. */
  | { readonly kind: 'forgotten' }
  /** A rule reads what the record does not hold. */
  | { readonly kind: 'unknown'; readonly what: string }

export type PastKnowledge = {
  readonly pact: CompiledPact
  readonly task: string
  readonly request: PastRequest | undefined
  /** As it was recorded with the effect or the decision. */
  readonly amount: Amount | undefined
  readonly origins: OriginsByArgument | undefined
  /** As rules saw it, where it was recorded: an undo that was not proved counted as none. */
  readonly effectClass: EffectClass | undefined
}

/** The call as this pact sees it. */
export function pastCall(
  past: Pick<PastCall, 'kind' | 'action'>,
  known: PastKnowledge,
): PastCallOutcome {
  const { pact, request } = known
  if (past.kind === 'model') return pastModelCall(past.action, known)
  const tool = pact.tools.get(past.action)
  const args = request?.kind === 'tool' ? request.args : undefined
  const name = splitToolName(past.action)
  const effectClass = known.effectClass ?? tool?.effectClass ?? 'irreversible'
  const call = (more: Pick<ToolCall, 'amount' | 'amountError'>): ToolCall => ({
    kind: 'tool',
    ...name,
    effectClass,
    args: args ?? {},
    ...more,
    ...(args === undefined ? {} : { digest: digestOf([past.action, args]) }),
    ...(known.origins === undefined ? {} : { origins: known.origins }),
  })
  if (tool === undefined) return { kind: 'ok', call: call({ amount: undefined }) }
  const probe = call({ amount: undefined })
  if (args === undefined && readsOf(probe, known).some(isOfArguments)) return { kind: 'forgotten' }
  const asksOrigins = rulesAbout(probe, pact, known.task).some((bound) => bound.readOrigins)
  if (asksOrigins && known.origins === undefined) {
    return { kind: 'unknown', what: 'where its arguments came from' }
  }
  const amount = pastAmount(tool, args, known.amount)
  return amount.kind === 'ok' ? { kind: 'ok', call: call(amount.more) } : amount
}

function pastModelCall(model: string, known: PastKnowledge): PastCallOutcome {
  const { request } = known
  const isKnown = request?.kind === 'model'
  const call: Call = {
    kind: 'model',
    model,
    stream: isKnown && request.stream,
    tokensMax: 0,
    ...(isKnown && known.pact.loops.models ? { digest: digestOf(request.body) } : {}),
  }
  const needsRequest = readsOf(call, known).includes('call.stream')
  return needsRequest && !isKnown ? { kind: 'forgotten' } : { kind: 'ok', call }
}

type AmountOutcome =
  | Exclude<PastCallOutcome, { kind: 'ok' }>
  | { readonly kind: 'ok'; readonly more: Pick<ToolCall, 'amount' | 'amountError'> }

/** An argument is read again; what a quote said then can only be remembered. */
function pastAmount(
  tool: CompiledTool,
  args: ToolCall['args'] | undefined,
  recorded: Amount | undefined,
): AmountOutcome {
  const declared = tool.contract.amount
  if (declared === undefined) return { kind: 'ok', more: { amount: undefined } }
  if (declared.kind === 'argument') {
    if (args === undefined) return { kind: 'forgotten' }
    const found = amountOf(tool, args)
    if (found?.kind === 'ok') return { kind: 'ok', more: { amount: found.amount } }
    return { kind: 'ok', more: { amount: undefined, amountError: found?.message ?? 'no amount' } }
  }
  const isSame = recorded?.currency === (declared.currency ?? recorded?.currency)
  if (recorded !== undefined && isSame) return { kind: 'ok', more: { amount: recorded } }
  return { kind: 'unknown', what: 'what its quote said' }
}

function readsOf(call: Call, { pact, task }: PastKnowledge): readonly string[] {
  return rulesAbout(call, pact, task).flatMap((bound) => bound.reads ?? [])
}

function isOfArguments(read: string): boolean {
  return /^args\b/.test(read)
}

/** Of the length of the gateway's own digests; only equality matters. */
function digestOf(value: unknown): string {
  return sha256Hex(canonicalJson(value)).slice(0, callDigestLength)
}

/** Rebuilt facts, with everything that the decision itself recorded in its place. */
export function withRecorded(
  facts: SessionFacts,
  recorded: RecordedFacts | undefined,
): SessionFacts {
  if (recorded === undefined) return facts
  const { nowMs: _now, amount: _amount, origins: _origins, effect: _effect, ...session } = recorded
  const { tools, spentNanoUsd, signals: _signals, ...rest } = session
  const counts = Object.entries(tools ?? {}).map(([name, [made, done, failed, unknown]]) => {
    const each: ToolCounts = { made, done, failed, unknown }
    return [name, each] as const
  })
  return {
    ...facts,
    // Both are written with every recording, so that a missing one means that there was none.
    taint: undefined,
    flow: undefined,
    ...rest,
    ...(spentNanoUsd === undefined ? {} : { spentNanoUsd: BigInt(spentNanoUsd) }),
    tools: { ...facts.tools, ...Object.fromEntries(counts) },
  }
}

const RULE_CODES: ReadonlySet<string> = new Set([
  'policy.denied',
  'policy.rule_error',
  'call.held',
  'model.unknown',
  'tool.unknown',
  'tool.arguments_invalid',
])
const RULE_CODE = /^(?:task|flow|loop|taint)\./

/** Whether rules gave the verdict: not a budget, a closed session, a drifted tool. */
export function isRuleCode(code: string | undefined): boolean {
  return code === undefined || RULE_CODES.has(code) || RULE_CODE.test(code)
}
