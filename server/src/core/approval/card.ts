// What a person is shown of a call that waits. Every channel, the CLI and the agent's side render
// this and nothing else; arguments are not on it.
import type { EffectClass } from '../decision/call.ts'

export type HoldCard = {
  readonly holdId: string
  readonly callId: string
  readonly agent: string
  readonly agentId: string
  /** The agent's team. */
  readonly owner: string
  readonly stakes: 'low' | 'medium' | 'high'
  /** What the session was opened for. Free text where the pact declares no tasks. */
  readonly task: string
  /** `server/tool`, or a model's name. */
  readonly action: string
  readonly effectClass: EffectClass | undefined
  /** One sentence: what can be done about the effect afterwards. */
  readonly reversibility: string
  /** Minor units as a decimal string. */
  readonly amount: { readonly minor: string; readonly currency: string } | undefined
  /** A keyed digest, or the clear text where the contract says that it is no personal data. */
  readonly counterparty: string | undefined
  readonly why: readonly WhyHeld[]
  readonly state: string
  /** 1; one more each time that facts changed and the question was opened again. */
  readonly round: number
  /** The level that is asked, from 1. */
  readonly level: number
  readonly levels: number
  /** Matching votes of different people that settle the level. */
  readonly quorum: number
  readonly votesSoFar: { readonly approve: number; readonly reject: number }
  /** RFC 3339: when the hold ends, and when the level does. */
  readonly until: string
  readonly levelUntil: string
  /** One sentence: what becomes of the call if nobody decides. */
  readonly onExpiry: string
  readonly factsHash: string
  readonly argsHash: string
  readonly schemaHash: string
  readonly pactId: string
}

/** A rule that held the call, and what it said. */
export type WhyHeld = { readonly rule: string; readonly reason: string }

const reversibilities: Readonly<Record<EffectClass, string>> = {
  read: 'It only reads: it changes nothing.',
  reversible: 'It can be undone.',
  compensable: 'It cannot be undone, but another call can make up for it.',
  irreversible: 'It cannot be undone.',
}

/** `seen` is the class as rules see it: that of an undo which nobody has proved is irreversible. */
export function tellReversibility(
  effectClass: EffectClass | undefined,
  seen: EffectClass | undefined,
): string {
  if (effectClass === undefined) return 'It asks a model: it changes nothing.'
  if (seen === 'irreversible' && effectClass !== 'irreversible') {
    return 'It is declared to be undoable, but nobody has proved that: take it as final.'
  }
  return reversibilities[effectClass]
}

/** What becomes of the call when the current level's time is over. */
export function tellExpiry(standing: {
  readonly level: number
  readonly levels: number
  readonly until: string
}): string {
  const { level, levels, until } = standing
  return level < levels
    ? `If nobody decides, level ${level + 1} of ${levels} is asked; it is denied at ${until}.`
    : `If nobody decides, it is denied at ${until}.`
}
