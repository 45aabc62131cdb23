// What a session knew at each of its calls, counted again from the record. The recorder counts under
// one lock, in the order of the log; so does this, from the places that the calls have in the log.
import { addTaint, noTaint } from '../taint/taint.ts'
import type { ToolTaint } from '../taint/taint.ts'
import type { Decision } from './decision.ts'
import { isCountedDenial, type SessionFacts, type ToolCounts } from './facts.ts'

/** A call as the record has it. Places in the log are decimal integers. */
export type PastCall = {
  readonly callId: string
  readonly kind: 'model' | 'tool' | 'undo'
  readonly action: string
  readonly pactId: string
  readonly state: string
  readonly verdict: string
  readonly enforced: boolean
  readonly code: string | undefined
  readonly reservedTokens: bigint
  readonly reservedNanoUsd: bigint
  readonly seq: bigint
  readonly atMs: number
  /** Set when it was held: its first place in the log; undefined where that is not recorded. */
  readonly held: { readonly seq: bigint | undefined } | undefined
  readonly outcome: PastOutcome | undefined
}

export type PastOutcome = {
  readonly state: string
  readonly seq: bigint
  /** Where it was unknown first; it was found out at `seq`. */
  readonly unknownSeq: bigint | undefined
  readonly tokens: bigint | undefined
  /** Undefined where what was used is not known. */
  readonly costNanoUsd: bigint | undefined
}

type Kind = 'decided' | 'resumed' | 'unknown' | 'outcome'

export type PastEvent = {
  readonly kind: Kind
  readonly seq: bigint
  readonly call: PastCall
}

/** What happened in a session, in the order in which its facts changed. */
export function pastEvents(calls: readonly PastCall[]): PastEvent[] {
  return calls.flatMap(eventsOf).toSorted((a, b) => (a.seq < b.seq ? -1 : a.seq > b.seq ? 1 : 0))
}

function eventsOf(call: PastCall): PastEvent[] {
  const { held, outcome, state, seq } = call
  // An undo is a call without a decision by rules, and no fact counts it.
  if (call.kind === 'undo') return []
  const events: PastEvent[] = [{ kind: 'decided', seq: held?.seq ?? seq, call }]
  if (held !== undefined && state !== 'held') events.push({ kind: 'resumed', seq, call })
  if (outcome === undefined) return events
  const { unknownSeq } = outcome
  if (unknownSeq !== undefined) events.push({ kind: 'unknown', seq: unknownSeq, call })
  events.push({ kind: 'outcome', seq: outcome.seq, call })
  return events
}

/** How one pact sees a call that goes on. */
export type PlacedAs = {
  readonly isWrite: boolean
  readonly brings: ToolTaint | undefined
  readonly after: Decision['after']
}

/** The facts of one session, event after event. `facts` is what the next decision may know. */
export class FactsRebuilder {
  #facts: SessionFacts

  constructor(start: SessionFacts) {
    this.#facts = start
  }

  get facts(): SessionFacts {
    return this.#facts
  }

  /** Applies an event; `as` is read only where a call goes on. */
  apply(event: PastEvent, as: PlacedAs): void {
    const { kind, call } = event
    if (kind === 'decided' && call.held !== undefined) this.#add({ held: 1 })
    else if (kind === 'decided' || kind === 'resumed') this.#place(call, as)
    else if (kind === 'unknown') this.#count(call, { unknown: 1 })
    else this.#settle(call)
  }

  #place(call: PastCall, as: PlacedAs): void {
    if (call.state === 'denied') {
      if (isCountedDenial(call.code)) this.#add({ denied: 1 })
      return
    }
    if (call.state === 'repeated') return
    if (as.after !== undefined) this.#facts = { ...this.#facts, ...as.after }
    const { tokens, spentNanoUsd } = this.#facts
    this.#facts = {
      ...this.#facts,
      tokens: tokens + Number(call.reservedTokens),
      spentNanoUsd: spentNanoUsd + call.reservedNanoUsd,
    }
    if (call.kind === 'model') {
      this.#add({ modelCalls: 1 })
      return
    }
    this.#add({ toolCalls: 1, writes: as.isWrite ? 1 : 0 })
    this.#count(call, { made: 1 })
    if (as.brings === undefined) return
    const { callId, action } = call
    const before = this.#facts.taint ?? noTaint
    const taint = addTaint(before, { callId, action, brings: as.brings })
    if (taint !== before) this.#facts = { ...this.#facts, taint }
  }

  #settle(call: PastCall): void {
    const { outcome } = call
    if (outcome === undefined || outcome.state === 'denied') return
    if (outcome.unknownSeq !== undefined) this.#count(call, { unknown: -1 })
    if (isCounted(outcome.state)) this.#count(call, { [outcome.state]: 1 })
    if (outcome.costNanoUsd === undefined) return
    const { tokens, spentNanoUsd } = this.#facts
    this.#facts = {
      ...this.#facts,
      tokens: tokens + Number((outcome.tokens ?? 0n) - call.reservedTokens),
      spentNanoUsd: spentNanoUsd + outcome.costNanoUsd - call.reservedNanoUsd,
    }
  }

  #add(counts: { [Name in 'modelCalls' | 'toolCalls' | 'writes' | 'denied' | 'held']?: number }) {
    const facts = this.#facts
    this.#facts = {
      ...facts,
      modelCalls: facts.modelCalls + (counts.modelCalls ?? 0),
      toolCalls: facts.toolCalls + (counts.toolCalls ?? 0),
      writes: facts.writes + (counts.writes ?? 0),
      denied: facts.denied + (counts.denied ?? 0),
      held: facts.held + (counts.held ?? 0),
    }
  }

  #count(call: PastCall, more: { [Name in keyof ToolCounts]?: number }): void {
    if (call.kind !== 'tool') return
    const { tools } = this.#facts
    const known = Object.hasOwn(tools, call.action) ? tools[call.action] : undefined
    // Like the recorder: what was never placed has no counts that an outcome could change.
    if (known === undefined && more.made === undefined) return
    const { made, done, failed, unknown } = known ?? { made: 0, done: 0, failed: 0, unknown: 0 }
    const counts: ToolCounts = {
      made: made + (more.made ?? 0),
      done: done + (more.done ?? 0),
      failed: failed + (more.failed ?? 0),
      unknown: unknown + (more.unknown ?? 0),
    }
    this.#facts = { ...this.#facts, tools: { ...tools, [call.action]: counts } }
  }
}

function isCounted(state: string): state is 'done' | 'failed' | 'unknown' {
  return state === 'done' || state === 'failed' || state === 'unknown'
}
