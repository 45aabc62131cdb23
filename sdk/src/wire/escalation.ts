// When people were asked although every rule let a call go on, and what they decided.

export type EscalationTrigger =
  | 'materiality'
  | 'confidence'
  | 'competence'
  | 'firstEncounter'
  | 'doubt'
  | 'anomaly'
  | 'taint'

/** Calls that met a trigger, by what became of them. */
export type EscalationCounts = {
  readonly fired: number
  /** Held for a person; those whose whole session was handed over included. */
  readonly held: number
  readonly handedOver: number
  /** New things in the learning period, and what observing sessions went on with. */
  readonly recorded: number
  /** A rule denied the call, whatever the trigger said. */
  readonly denied: number
  /** Of those that were held. */
  readonly approved: number
  readonly rejected: number
  readonly expired: number
  readonly waiting: number
  /** Their agent was stopped, or their run given up. */
  readonly cancelled: number
}

/** GET /v1/escalation/report */
export type EscalationReport = {
  readonly since: string
  /** Calls that met at least one trigger. */
  readonly calls: number
  readonly triggers: readonly (EscalationCounts & { readonly trigger: EscalationTrigger })[]
  /** What of a trigger was met: `amount`, `stated`, `counterparty`. */
  readonly codes: readonly (EscalationCounts & {
    readonly trigger: EscalationTrigger
    readonly code: string
  })[]
  /** Where triggers are met, the most frequent first; at most 200. */
  readonly patterns: readonly (EscalationCounts & {
    readonly trigger: EscalationTrigger
    readonly agent: string
    /** Null where the pact declares no tasks. */
    readonly task: string | null
    readonly action: string
  })[]
}
