// What people are asked about a held call, and what their approval is worth when the call is decided
// again: it fits the facts that they were shown, under the pact and the tool's schema of then.
import type { ApprovalPolicy } from '../../core/approval/policy.ts'
import {
  choosePolicy,
  levelSeconds,
  policyOfReopened,
  totalSeconds,
} from '../../core/approval/policy.ts'
import {
  changedFacts,
  hashFacts,
  type HoldFacts,
  taintLevel,
  whyHeld,
} from '../../core/approval/facts.ts'
import type { Decision } from '../../core/decision/decision.ts'
import { tighten } from '../../core/decision/tighten.ts'
import { type Batch, record } from './batch.ts'
import { clip, names, strictest } from './call-rows.ts'
import { sha256Base64url } from './digest.ts'
import type { QuestionRow } from './hold-rows.ts'
import { tellFirings } from './place-escalation.ts'
import { denial } from './place-refusal.ts'
import type { SessionState } from './state.ts'
import type { Intent, IntentResult } from './types.ts'

type Resume = NonNullable<Intent['resume']>

export const reopenedRule = 'approval.reopened'
/** A question whose facts change again and again is given up. */
const roundsMax = 20

export type Question = {
  /** Undefined where the pact declares no approvals. */
  readonly policy: ApprovalPolicy | undefined
  readonly facts: HoldFacts
  readonly factsHash: string
  readonly untilMs: number
  readonly row: QuestionRow
}

/** What is asked of people, from a decision that holds the call. */
export function questionOf(
  batch: Batch,
  intent: Intent,
  session: SessionState,
  decision: Decision,
): Question {
  const facts = factsOf(intent, session, decision)
  const rules = facts.why.map((each) => each.rule).filter((rule) => rule !== reopenedRule)
  const chosen = choosePolicy(intent.approvals, { rules, action: intent.action })
  const policy = policyOfReopened(intent.resume?.policy, chosen)
  const factsHash = hashFacts(facts)
  const levelMs = policy && (levelSeconds(policy, 1) ?? 0) * 1000
  const heldMs = policy === undefined ? intent.holdExpiresAfterMs : totalSeconds(policy) * 1000
  const untilMs = batch.nowMs + heldMs
  return {
    policy,
    facts,
    factsHash,
    untilMs,
    row: {
      policy,
      facts,
      facts_hash: factsHash,
      effect_seen: intent.effectSeen,
      until_ms: untilMs,
      level_until_ms: levelMs === undefined ? undefined : batch.nowMs + levelMs,
    },
  }
}

function factsOf(intent: Intent, session: SessionState, decision: Decision): HoldFacts {
  const { amountMinor, currency, effectClass, counterparty } = intent.holdEffect()
  const hasAmount = amountMinor !== undefined && currency !== undefined
  return {
    action: intent.action,
    effectClass: intent.kind === 'model' ? null : effectClass,
    amount: hasAmount ? { minor: amountMinor.toString(), currency } : null,
    counterparty: counterparty ?? null,
    taint: taintLevel(session.facts.taint),
    why: whyHeld(decision),
  }
}

/**
 * The fresh decision about a call that people were asked about. What denies it denies; an approval
 * lets it go on where nothing has changed since it was shown; else the decision holds it again.
 */
export function decideResumed(
  intent: Intent,
  resume: Resume,
  session: SessionState,
  decision: Decision,
): Decision {
  if (decision.verdict === 'deny') return decision
  if (!resume.isApproved) {
    // It waited for its run alone: nobody was asked what a rule asks now.
    return decision.verdict === 'allow' ? decision : stale('it must be asked for again')
  }
  const changed: string[] = []
  if (resume.facts !== undefined) {
    changed.push(...changedFacts(resume.facts, factsOf(intent, session, decision)))
  }
  if (resume.pactId !== intent.pactId) changed.push('pact')
  if (resume.schemaHash !== intent.schemaHash) changed.push('schema')
  if (changed.length === 0) return { ...decision, verdict: 'allow', code: undefined }
  if (resume.round >= roundsMax) return stale(`its facts changed ${roundsMax} times`)
  return tighten(decision, {
    verdict: 'hold',
    code: 'call.held',
    rule: reopenedRule,
    reason: `changed since it was approved: ${changed.join(', ')}`,
  })
}

function stale(why: string): Decision {
  return denial('hold.stale', `the pact or the tool changed after the approval; ${why}`)
}

/** Asks people again about a call whose approval does not fit any more. */
export function reopen(
  batch: Batch,
  intent: Intent,
  session: SessionState,
  options: { decision: Decision; resume: Resume; newId: () => string },
): IntentResult {
  const { decision, resume, newId } = options
  const { holdId } = resume
  tellFirings(batch, intent, session, decision)
  const round = resume.round + 1
  const { row, facts, factsHash, untilMs } = questionOf(batch, intent, session, decision)
  const { receipt } = record(batch, {
    ...names(intent),
    type: 'hold.reopened',
    body: {
      action: clip(intent.action),
      amount: facts.amount?.minor,
      args: clip(intent.holdEffect().argsHash),
      decision: sha256Base64url(JSON.stringify(decision.reasons)),
      facts: factsHash,
      hold: holdId,
      round,
      rule: clip(strictest(decision)),
      until: untilMs,
    },
  })
  batch.rows.reopened.push({
    ...row,
    hold_id: holdId,
    round,
    pact_id: intent.pactId,
    schema_hash: intent.schemaHash,
    amount_minor: facts.amount?.minor,
  })
  const live = batch.state.effects.get(intent.holdEffect().key)
  if (live) live.holdUntilMs = untilMs
  batch.rows.notices.push({
    notice_id: newId(),
    kind: 'hold.reopened',
    subject_id: holdId,
    detail: { agent: intent.principal.agentId, round },
  })
  const { callId } = intent
  return { kind: 'held', callId, decision, enforced: true, receipt, holdId, untilMs }
}
