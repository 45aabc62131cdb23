// The one place where a call is allowed, held or denied. Pure: everything it knows is an argument.
import type { BoundRule, BoundRules, CompiledPact, CompiledTool } from '../pact/compiled.ts'
import type { ErrorCode } from '../errors.ts'
import { toolName } from './call.ts'
import type { Call, EffectClass, ToolCall } from './call.ts'
import type { Decision, Reason, Verdict } from './decision.ts'
import type { Facts } from './facts.ts'
import { decideFlow, flowOf } from './flow.ts'
import { countRepeats, decideLoops } from './loops.ts'
import { ruleFault } from './rule-fault.ts'
import { outsideTask, taskOf } from './task.ts'
import { AgentView, CallView, SessionView } from './program.ts'
import { noTaint } from '../taint/taint.ts'
import { describeOrigins, findTrifecta } from '../taint/trifecta.ts'
import { decideOwnTool } from '../escalation/own-tool.ts'
import { tightenByTriggers } from '../escalation/tighten-by-triggers.ts'
import { tighten } from './tighten.ts'

const STRICTNESS: Readonly<Record<Verdict, number>> = { allow: 0, hold: 1, deny: 2 }

/**
 * Decides a call. What lies outside the session's task is refused before any rule. Every rule that
 * is about its tool or model is asked; those whose condition is true speak, and the strictest wins.
 * A rule that fails denies, and so does the silence of all allow and hold rules.
 */
export function decide(call: Call, pact: CompiledPact, facts: Facts): Decision {
  if (call.kind === 'model') {
    const model = pact.models.get(call.model)
    if (model === undefined) return refused('model.unknown', 'there is no model of this name')
    const outside = outsideTask(pact, facts.session.task, { kind: 'model', name: call.model })
    if (outside !== undefined) return refused('task.forbidden', outside)
    const decided = decideBound(call, { bound: model.bound, effectClass: undefined, facts, pact })
    const { escalation } = pact
    if (escalation === undefined) return decided
    const isTaskDeclared = pact.tasks !== undefined
    return tightenByTriggers(decided, call, { escalation, isWrite: false, facts, isTaskDeclared })
  }
  const tool = pact.tools.get(toolName(call))
  if (tool === undefined)
    return (
      decideOwnTool(call, pact.escalation, facts.session) ??
      refused('tool.unknown', 'there is no contract for a tool of this name')
    )
  const outside = outsideTask(pact, facts.session.task, { kind: 'tool', name: toolName(call) })
  if (outside !== undefined) return refused('task.forbidden', outside)
  const fault = amountFault(call, tool)
  if (fault !== undefined) return failed('amount', fault)
  const context = { bound: tool.bound, effectClass: classSeen(call, tool), facts, pact }
  const decided = tightenByTaint(decideBound(call, context), call, { tool, pact, facts })
  const { escalation } = pact
  if (escalation === undefined) return decided
  const isWrite = tool.effectClass !== 'read'
  const isTaskDeclared = pact.tasks !== undefined
  return tightenByTriggers(decided, call, { escalation, isWrite, facts, isTaskDeclared })
}

/** The contract's class; an undo that is not proved counts as none, and that only tightens. */
export function classSeen(call: ToolCall, tool: CompiledTool): EffectClass {
  const isUnproven = call.effectClass === 'irreversible' && tool.contract.undo !== undefined
  return isUnproven ? 'irreversible' : tool.effectClass
}

/** The built-in rule over what the session has read; like a rule, it can only tighten. */
function tightenByTaint(
  decision: Decision,
  call: ToolCall,
  known: { readonly tool: CompiledTool; readonly pact: CompiledPact; readonly facts: Facts },
): Decision {
  const finding = findTrifecta({
    action: toolName(call),
    tool: known.tool.taint,
    pact: known.pact.taint,
    session: known.facts.session.taint ?? noTaint,
    origins: call.origins,
  })
  return finding === undefined ? decision : tighten(decision, finding)
}

/**
 * A contract that declares an amount is judged by it; a call without one could slip past every
 * limit.
 */
function amountFault(call: ToolCall, tool: CompiledTool): string | undefined {
  const declared = tool.contract.amount
  if (declared === undefined) return undefined
  if (call.amount === undefined) return call.amountError ?? 'the amount of the call is not known'
  return declared.currency === undefined || call.amount.currency === declared.currency
    ? undefined
    : 'the amount is in another currency'
}

type Context = {
  readonly bound: BoundRules
  readonly effectClass: EffectClass | undefined
  readonly facts: Facts
  readonly pact: CompiledPact
}

function decideBound(call: Call, context: Context): Decision {
  const { pact, facts, effectClass } = context
  const { session } = facts
  const spoken = speak(call, context)
  if (call.kind === 'model')
    return decideLoops(conclude(spoken), call, { loops: pact.loops, session })
  const name = toolName(call)
  const speakBy = (bound: BoundRules | undefined): Reason[] =>
    bound === undefined ? [] : speak(call, { ...context, bound })
  const bounds = speakBy(taskOf(pact, session.task)?.bounds.get(name))
  const decision = conclude(spoken.concat(bounds))
  const inFlow = decideFlow(decision, {
    isWrite: effectClass !== 'read',
    flow: session.flow,
    declared: pact.writeFlow,
    nowMs: facts.nowMs,
    ask: () => speakBy(pact.writeFlow?.opens.get(name)),
  })
  return decideLoops(inFlow, call, { loops: pact.loops, session })
}

/** What the rules that are about a tool or model say, in their order. */
function speak(call: Call, context: Context): Reason[] {
  const { rules } = context.bound
  const reasons: Reason[] = []
  let values: Readonly<Record<string, unknown>> | undefined
  for (const rule of rules) {
    if (rule.program === undefined) {
      reasons.push({ rule: rule.id, verdict: rule.effect, reason: rule.reason })
      continue
    }
    try {
      values ??= ruleValues(call, context)
      const reason = ask(rule, rule.program(values), call)
      if (reason !== undefined) reasons.push(reason)
    } catch (error) {
      reasons.push(ruleError(rule, ruleFault(rule, error)))
    }
  }
  return reasons
}

function ask(rule: BoundRule, answer: unknown, call: Call): Reason | undefined {
  if (answer === true) return { rule: rule.id, verdict: rule.effect, reason: reasonOf(rule, call) }
  if (answer === false) return undefined
  return ruleError(rule, 'the condition is not true or false')
}

/** A rule that asks for origins says what it was told: the argument alone does not show it. */
function reasonOf(rule: BoundRule, call: Call): string {
  if (rule.origins === undefined || call.kind !== 'tool') return rule.reason
  const from = describeOrigins(call.origins, rule.origins)
  return from === '' ? rule.reason : `${rule.reason} (${from})`
}

function ruleError(rule: BoundRule, error: string): Reason {
  return { rule: rule.id, verdict: 'deny', reason: 'the rule could not be evaluated', error }
}

/** What conditions read. Built once a decision, and only when a rule has a condition. */
export function ruleValues(
  call: Call,
  { bound, effectClass, facts, pact }: Context,
): Readonly<Record<string, unknown>> {
  return {
    call: new CallView(call, effectClass),
    session: new SessionView(facts.session, bound.counts, {
      flow: flowOf(facts.session.flow, pact.writeFlow, facts.nowMs),
      repeats: () => countRepeats(facts.session.recent ?? '', call.digest ?? ''),
    }),
    agent: new AgentView(facts.agent),
    args: call.kind === 'tool' ? bound.readArgs(call.args) : undefined,
    origin: call.kind === 'tool' ? bound.readOrigins?.(call.origins) : undefined,
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
