// What a decision may know. Facts are read under the session's lock; calls in flight count as made.

import type { EscalationFacts, Signals } from '../escalation/escalation.ts'
import type { TaintFacts } from '../taint/taint.ts'

/** Per tool (`server/tool`): every call is `made`; a settled one is also done, failed or unknown. */
export type ToolCounts = {
  readonly made: number
  readonly done: number
  readonly failed: number
  readonly unknown: number
}

/** A value of a data scope that a session was opened for. */
export type ScopeValue = string | number | boolean

export type Flow = 'read' | 'write'

/** The write flow of a session; a session that never had one has no such facts. */
export type FlowFacts = {
  /** `barred`: an operator closed it, and only an operator opens it again. */
  readonly state: 'open' | 'barred'
  /** Milliseconds since the Unix epoch. */
  readonly sinceMs: number
  /** Writes placed since it was opened; those in flight included. */
  readonly writes: number
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
  /** What the session has read; undefined where it has read nothing untrusted and nothing private. */
  readonly taint?: TaintFacts | undefined
  /** The data that the session was opened for, by the names that the manifest declares. */
  readonly scope?: Readonly<Record<string, ScopeValue>> | undefined
  readonly flow?: FlowFacts | undefined
  /** Short digests of the last calls, oldest first: see loops.ts. */
  readonly recent?: string | undefined
  /** What its triggers remember; undefined where its pact has none. */
  readonly escalation?: EscalationFacts | undefined
}

export type AgentFacts = { readonly name: string; readonly stakes: 'low' | 'medium' | 'high' }

export type Facts = {
  readonly session: SessionFacts
  readonly agent: AgentFacts
  /** The database's clock, milliseconds since the Unix epoch. */
  readonly nowMs: number
  /** What triggers know of the call beside the session; undefined: they do not ask. */
  readonly signals?: Signals | undefined
}

/**
 * Whether a refusal counts as `denied`: not a repeat that only has to wait, nor what people have
 * stopped or taken over.
 */
export function isCountedDenial(code: string | undefined): boolean {
  if (code === undefined) return true
  return !code.startsWith('effect.') && code !== 'session.handed_over' && code !== 'kill.active'
}
