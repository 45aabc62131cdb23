// The triggers of a pact, asked about one call after its rules. What is met can hold a call or hand
// its session over, and never lets one go on that would not.
import type { Call } from '../decision/call.ts'
import type { Decision } from '../decision/decision.ts'
import type { Facts } from '../decision/facts.ts'
import { tighten } from '../decision/tighten.ts'
import { askTrigger } from './ask-trigger.ts'
import { describeFiring } from './describe-firing.ts'
import type { BoundTrigger, CompiledEscalation, Firing, Signals, Trigger } from './escalation.ts'

/** Nothing new and nothing odd: what a decision rests on where nobody watches the agent. */
const noSignals: Signals = { unseen: [], isLearning: false, anomalies: [] }

/** Triggers that ask what the call is and what the session has read, whoever makes the call. */
const asksOfCall: ReadonlySet<Trigger> = new Set<Trigger>(['materiality', 'taint'])

export function tightenByTriggers(
  decision: Decision,
  call: Call,
  known: {
    readonly escalation: CompiledEscalation
    readonly isWrite: boolean
    readonly facts: Facts
    /** The pact declares the session's task. */
    readonly isTaskDeclared: boolean
  },
): Decision {
  const { escalation, isWrite, facts, isTaskDeclared } = known
  const bound =
    call.kind === 'model'
      ? escalation.models
      : (escalation.tools.get(`${call.server}/${call.tool}`) ?? [])
  const { session, signals = noSignals } = facts
  const firings = bound.flatMap((trigger): Firing[] => {
    if (signals.isOfPerson === true && !asksOfCall.has(trigger.trigger)) return []
    const codes = askTrigger(trigger, { call, isWrite, session, signals })
    if (codes.length === 0) return []
    return [
      { ...firingOf(trigger, { codes, signals }), task: isTaskDeclared ? session.task : undefined },
    ]
  })
  const decided = forgetConfidence(decision, call, { escalation, facts })
  if (firings.length === 0) return decided
  const tightened = firings.reduce<Decision>((sofar, firing) => {
    if (firing.consequence === 'record') return sofar
    const rule = `escalation.${firing.trigger}`
    const reason = describeFiring(firing)
    return tighten(sofar, { verdict: 'hold', code: 'call.held', rule, reason })
  }, decided)
  const handsOver =
    tightened.verdict === 'hold' && firings.some(({ consequence }) => consequence === 'handover')
  return { ...tightened, firings, ...(handsOver ? { handsOver: true as const } : {}) }
}

function firingOf(
  { trigger, consequence }: BoundTrigger,
  { codes, signals }: { readonly codes: readonly string[]; readonly signals: Signals },
): Firing {
  const isLearned = trigger === 'firstEncounter' && signals.isLearning
  return { trigger, codes, consequence: isLearned ? 'record' : consequence }
}

/**
 * A model is asked anew: how sure it was before says nothing of what it will say, and a tool call
 * that comes before the reply is read has no confidence.
 */
function forgetConfidence(
  decision: Decision,
  call: Call,
  { escalation, facts }: { readonly escalation: CompiledEscalation; readonly facts: Facts },
): Decision {
  const { escalation: remembered } = facts.session
  if (call.kind !== 'model' || call.isWordless === true) return decision
  if (remembered?.confidence === undefined) return decision
  if (!readsReplyOf(escalation, call.model)) return decision
  return {
    ...decision,
    after: { ...decision.after, escalation: { ...remembered, confidence: undefined } },
  }
}

/** Whether the replies of this model say how sure the agent is. */
export function readsReplyOf(escalation: CompiledEscalation, model: string): boolean {
  const { reply } = escalation
  return reply !== undefined && (reply.models === undefined || reply.models.has(model))
}
