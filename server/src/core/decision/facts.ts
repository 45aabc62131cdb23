// What a decision may know. Facts are read under the session's lock; calls in flight count as made.

/** Per tool (`server/tool`): every call is `made`; a settled one is also done, failed or unknown. */
export type ToolCounts = {
  readonly made: number
  readonly done: number
  readonly failed: number
  readonly unknown: number
}

export type SessionFacts = {
  readonly task: string
  readonly endUser: string
  readonly modelCalls: number
  readonly toolCalls: number
  /** Calls of tools whose effect class is not read; in flight included, denied excluded. */
  readonly writes: number
  readonly denied: number
  readonly held: number
  readonly tokens: number
  /** Settled and reserved, integer nano-USD. */
  readonly spentNanoUsd: bigint
  /** Keyed by `server/tool`. A tool that is missing here was never called. */
  readonly tools: Readonly<Record<string, ToolCounts>>
}

export type AgentFacts = { readonly name: string; readonly stakes: 'low' | 'medium' | 'high' }

export type Facts = {
  readonly session: SessionFacts
  readonly agent: AgentFacts
  /** The database's clock, milliseconds since the Unix epoch. */
  readonly nowMs: number
}
