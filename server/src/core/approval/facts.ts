// What people are shown of a call that waits, as it was under the lock. Votes bind its hash; when the
// call is executed the facts are made again, and what has changed opens the question anew.
import { hash } from 'node:crypto'
import { canonicalJson } from '../canonical.ts'
import type { EffectClass } from '../decision/call.ts'
import type { Decision } from '../decision/decision.ts'
import type { TaintFacts } from '../taint/taint.ts'
import type { WhyHeld } from './card.ts'

export type HoldFacts = {
  readonly action: string
  readonly effectClass: EffectClass | null
  /** Minor units as a decimal string. */
  readonly amount: { readonly minor: string; readonly currency: string } | null
  readonly counterparty: string | null
  /** What the session had read. */
  readonly taint: 'none' | 'untrusted' | 'private' | 'untrusted and private'
  /** By rule; the rules that hold the call. */
  readonly why: readonly WhyHeld[]
}

/** The rules that held the call, with what they said, sorted by rule. */
export function whyHeld(decision: Decision): WhyHeld[] {
  return decision.reasons
    .filter((each) => each.verdict === 'hold')
    .map(({ rule, reason }) => ({ rule, reason }))
    .toSorted((one, other) => order(one.rule, other.rule) || order(one.reason, other.reason))
}

function order(one: string, other: string): number {
  return one < other ? -1 : Number(one > other)
}

export function taintLevel(taint: TaintFacts | undefined): HoldFacts['taint'] {
  const isUntrusted = (taint?.untrusted.length ?? 0) > 0
  const isPrivate = (taint?.private.length ?? 0) > 0
  if (isUntrusted) return isPrivate ? 'untrusted and private' : 'untrusted'
  return isPrivate ? 'private' : 'none'
}

/** SHA-256 of the canonical JSON, base64url. */
export function hashFacts(facts: HoldFacts): string {
  return hash('sha256', canonicalJson(facts), 'base64url')
}

/**
 * The parts that are not as they were shown. A rule that holds no more changes nothing, nor do the
 * words of one that still does: they may tell numbers that go on counting.
 */
export function changedFacts(shown: HoldFacts, now: HoldFacts): readonly (keyof HoldFacts)[] {
  const parts = ['action', 'amount', 'counterparty', 'effectClass', 'taint'] as const
  const changed: (keyof HoldFacts)[] = parts.filter(
    (part) => canonicalJson(shown[part]) !== canonicalJson(now[part]),
  )
  const known = new Set(shown.why.map((each) => each.rule))
  return now.why.some((each) => !known.has(each.rule)) ? [...changed, 'why'] : changed
}
