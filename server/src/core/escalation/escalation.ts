// The words of escalation: what calls for a person beside the rules. A trigger only ever tightens.

export const triggers = [
  'materiality',
  'confidence',
  'competence',
  'firstEncounter',
  'doubt',
  'anomaly',
  'taint',
] as const

export type Trigger = (typeof triggers)[number]

/** `handover`: the call is held, and the whole session goes to a person. */
export type Then = 'hold' | 'handover'

export type EncounterKind = 'tool' | 'arguments' | 'counterparty' | 'task'

export type Measure = 'calls' | 'spend'

/** How sure the model was of its last reply, from 0 to 1 each; absent where it is not known. */
export type Confidence = {
  readonly stated?: number
  readonly logprobs?: number
  /** Of what was stated something could not be read. */
  readonly isUnclear?: true
}

/** How the agent came to say that it doubts: its own tool, or its reply's words or fields. */
export type Doubt = {
  readonly source: 'said' | 'phrase' | 'field'
  /** The call, or the call of the reply, that says so. */
  readonly callId?: string
}

/** What a session remembers for its triggers; a session of other pacts has no such facts. */
export type EscalationFacts = {
  readonly confidence?: Confidence | undefined
  readonly doubt?: Doubt | undefined
}

/** What is known about one call beside its session: read under the lock, but for the score. */
export type Signals = {
  /** What of this call the agent was never seen with. */
  readonly unseen: readonly EncounterKind[]
  /** New things are learned, and only recorded. */
  readonly isLearning: boolean
  /** What this hour of the agent has too much of, this call included. */
  readonly anomalies: readonly Measure[]
  /** From 0 to 1, by the pact's scorer; absent where none came. */
  readonly score?: number | undefined
  /** A person makes the call in the agent's stead: what the agent is does not matter then. */
  readonly isOfPerson?: true | undefined
}

/** A call of which nothing is known: everything is new, and nothing is learned. */
export const strangeSignals: Signals = {
  unseen: ['tool', 'arguments', 'counterparty', 'task'],
  isLearning: false,
  anomalies: ['calls', 'spend'],
}

/** A trigger that is met. */
export type Firing = {
  readonly trigger: Trigger
  /** What of it was met: `amount`, `stated`, `counterparty`. */
  readonly codes: readonly string[]
  /** `record`: something new in the learning period. */
  readonly consequence: Then | 'record'
  /** Of the session, where the pact declares it; any other is free text. */
  readonly task?: string | undefined
}

/** What a model's reply says of itself. */
export type Reading = {
  readonly stated?: number | undefined
  /** A choice states nothing where another does, or what is no number from 0 to 1, or two things. */
  readonly isUnclear?: boolean
  readonly logprobs?: number | undefined
  readonly doubt?: 'phrase' | 'field' | undefined
}

/** Who is asked for an opinion of a call: an enrolled tool, and where its result has the score. */
export type Scorer = {
  readonly tool: string
  readonly path: readonly string[]
  readonly min: number
}

export type MaterialityTrigger = {
  readonly trigger: 'materiality'
  readonly consequence: Then
  /** By currency, in minor units: this much and more is material. */
  readonly amounts: ReadonlyMap<string, bigint>
  /** The session's writes before this one that are still immaterial. */
  readonly writes: number | undefined
  /** Those of the tool that the pact lists. */
  readonly dataClasses: readonly string[]
}

export type ConfidenceTrigger = {
  readonly trigger: 'confidence'
  readonly consequence: Then
  readonly statedMin: number | undefined
  readonly logprobsMin: number | undefined
  readonly argument: { readonly name: string; readonly min: number } | undefined
  readonly scorer: Scorer | undefined
  readonly isMissingFired: boolean
}

export type CompetenceTrigger = {
  readonly trigger: 'competence'
  readonly consequence: Then
  /** Tasks whose recorded results are good enough. */
  readonly proven: ReadonlySet<string>
}

export type FirstEncounterTrigger = {
  readonly trigger: 'firstEncounter'
  readonly consequence: Then
  readonly of: ReadonlySet<EncounterKind>
}

export type DoubtTrigger = {
  readonly trigger: 'doubt'
  readonly consequence: Then
  /** Arguments of a call that say so by being true. */
  readonly fields: readonly string[]
}

export type AnomalyTrigger = {
  readonly trigger: 'anomaly'
  readonly consequence: Then
  readonly measures: ReadonlySet<Measure>
}

export type TaintTrigger = {
  readonly trigger: 'taint'
  readonly consequence: Then
  readonly after: 'untrusted' | 'private' | 'either' | 'both'
}

export type BoundTrigger =
  | MaterialityTrigger
  | ConfidenceTrigger
  | CompetenceTrigger
  | FirstEncounterTrigger
  | DoubtTrigger
  | AnomalyTrigger
  | TaintTrigger

/** What of a model's reply is read. */
export type ReplyReading = {
  /** The models whose replies count; undefined: all of them. */
  readonly models: ReadonlySet<string> | undefined
  readonly statedPath: readonly string[] | undefined
  readonly readsLogprobs: boolean
  /** As `plainWords` spells them. */
  readonly phrases: readonly string[]
  readonly fields: readonly (readonly string[])[]
}

/** What is remembered of the agent over its sessions. */
export type Watching = {
  readonly encounters: ReadonlySet<EncounterKind>
  /** By `server/tool`: the path of the argument that names the counterparty, the contract's where
   * the pact names no other. */
  readonly counterparties: ReadonlyMap<string, readonly string[]>
  /** Undefined: what is new is held from the first call on. */
  readonly learning: { readonly calls: number; readonly ms: number } | undefined
  /** Undefined where no anomaly is looked for. */
  readonly rates: RateLimits | undefined
}

export type RateLimits = {
  /** What people are told of. */
  readonly measures: ReadonlySet<Measure>
  /** How many deviations above its mean an hour may be. */
  readonly deviations: number
  /** Hours of history before anything is an anomaly. */
  readonly hoursMin: number
  /** Never an anomaly below this. */
  readonly callsMin: number
  readonly nanoUsdMin: bigint
}

export type CompiledEscalation = {
  /** By `server/tool`; a tool that is not here has no trigger. */
  readonly tools: ReadonlyMap<string, readonly BoundTrigger[]>
  /** Of model calls. */
  readonly models: readonly BoundTrigger[]
  readonly reply: ReplyReading | undefined
  readonly watching: Watching | undefined
  readonly scorer: Scorer | undefined
  /** Agents may say that they doubt, by a tool of the gateway. */
  readonly offersTool: boolean
}
