// The one place where a call is allowed, held or denied. Pure: everything it knows is an argument.
import type { BoundRule, BoundRules, CompiledPact, CompiledTool } from '../pact/compiled.ts'
import type { ErrorCode } from '../errors.ts'
import { toolName } from './call.ts'
import type { Call, EffectClass, ToolCall } from './call.ts'
import { celFault } from './compile-condition.ts'
import type { Decision, Reason, Verdict } from './decision.ts'
import type { Facts } from './facts.ts'
import { AgentView, CallView, SessionView } from './program.ts'

const STRICTNESS: Readonly<Record<Verdict, number>> = { allow: 0, hold: 1, deny: 2 }

/**
 * Decides a call. Every rule that is about its tool or model is asked; those whose condition is
 * true speak, and the strictest wins. A rule that fails denies, and so does the silence of all
 * allow and hold rules.
 */
export function decide(call: Call, pact: CompiledPact, facts: Facts): Decision {
  if (call.kind === 'model') {
    const model = pact.models.get(call.model)
    if (model === undefined)
      return refused('model.unknown', `the model ${call.model} is not enrolled`)
    return decideBound(call, { bound: model.bound, effectClass: undefined, facts })
  }
  const tool = pact.tools.get(toolName(call))
  if (tool === undefined) return refused('tool.unknown', `${toolName(call)} has no contract`)
  const fault = amountFault(call, tool)
  if (fault !== undefined) return failed('amount', fault)
  return decideBound(call, { bound: tool.bound, effectClass: tool.effectClass, facts })
}

/**
 * A contract that declares an amount is judged by it; a call without one could slip past every
 * limit.
 */
function amountFault(call: ToolCall, tool: CompiledTool): string | undefined {
  const declared = tool.contract.amount
  if (declared === undefined) return undefined
  if (call.amount === undefined) return call.amountError ?? 'the amount of the call is not known'
  return call.amount.currency === declared.currency
    ? undefined
    : 'the amount is in another currency'
}

type Context = {
  readonly bound: BoundRules
  readonly effectClass: EffectClass | undefined
  readonly facts: Facts
}

function decideBound(call: Call, context: Context): Decision {
  const { rules } = context.bound
  const reasons: Reason[] = []
  let values: Readonly<Record<string, unknown>> | undefined
  for (const rule of rules) {
    if (rule.program === undefined) {
      reasons.push({ rule: rule.id, verdict: rule.effect, reason: rule.reason })
      continue
    }
    try {
      values ??= valuesOf(call, context)
      const reason = ask(rule, rule.program(values))
      if (reason !== undefined) reasons.push(reason)
    } catch (error) {
      reasons.push(ruleError(rule, celFault(error).summary))
    }
  }
  return conclude(reasons)
}

function ask(rule: BoundRule, answer: unknown): Reason | undefined {
  if (answer === true) return { rule: rule.id, verdict: rule.effect, reason: rule.reason }
  if (answer === false) return undefined
  return ruleError(rule, 'the condition is not true or false')
}

function ruleError(rule: BoundRule, error: string): Reason {
  return { rule: rule.id, verdict: 'deny', reason: 'the rule could not be evaluated', error }
}

/** Built once a decision, and only when a rule has a condition. */
function valuesOf(
  call: Call,
  { bound, effectClass, facts }: Context,
): Readonly<Record<string, unknown>> {
  return {
    call: new CallView(call, effectClass),
    session: new SessionView(facts.session, bound.counts),
    agent: new AgentView(facts.agent),
    args: call.kind === 'tool' ? bound.readArgs(call.args) : undefined,
    now: new Date(facts.nowMs),
  }
}

function conclude(reasons: Reason[]): Decision {
  let verdict: Verdict | undefined
  let hasError = false
  let isDenied = false
  for (const reason of reasons) {
    if (verdict === undefined || STRICTNESS[reason.verdict] > STRICTNESS[verdict])
      verdict = reason.verdict
    if (reason.error !== undefined) hasError = true
    else if (reason.verdict === 'deny') isDenied = true
  }
  if (verdict === undefined) return refused('policy.denied', 'no rule allows this call')
  if (verdict === 'allow') return { verdict, code: undefined, reasons }
  if (verdict === 'hold') return { verdict, code: 'call.held', reasons }
  const code = hasError && !isDenied ? 'policy.rule_error' : 'policy.denied'
  return { verdict, code, reasons }
}

function refused(code: ErrorCode, reason: string): Decision {
  return { verdict: 'deny', code, reasons: [{ rule: 'default', verdict: 'deny', reason }] }
}

function failed(rule: string, error: string): Decision {
  const reason: Reason = { rule, verdict: 'deny', reason: 'the amount could not be read', error }
  return { verdict: 'deny', code: 'policy.rule_error', reasons: [reason] }
}
