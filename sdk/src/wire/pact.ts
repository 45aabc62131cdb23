import type { ManifestProblem } from './agent.ts'
import type { Reason, Verdict } from './call.ts'

/** POST /v1/pacts/check: a manifest that is only looked at. */
export type CheckPact = { readonly manifest: string; readonly file: string }

export type PactCheck = {
  /** It would be enrolled: no problems, and every test passes. */
  readonly ok: boolean
  readonly problems: readonly ManifestProblem[]
  /** Suspicious, but no reason to refuse. */
  readonly findings: readonly PactFinding[]
  readonly tests: readonly PactTestOutcome[]
  /** What was compiled; null when there are problems. */
  readonly counts: {
    readonly rules: number
    readonly tools: number
    readonly models: number
  } | null
}

type Place = { readonly line: number; readonly column: number; readonly path: string }

export type PactFinding = Place & {
  readonly severity: 'warning' | 'note'
  /** Stable: `rule.shadowed`, `write.no_undo`, `tool.no_rule`, ... */
  readonly code: string
  readonly message: string
}

export type PactTestOutcome = Place & {
  readonly name: string
  readonly passed: boolean
  readonly expected: {
    readonly verdict: Verdict
    readonly rule: string | null
    readonly code: string | null
  }
  readonly got: {
    readonly verdict: Verdict
    readonly code: string | null
    readonly reasons: readonly Reason[]
  }
  /** Why it failed; null when it passed. */
  readonly failure: string | null
}

/** GET /v1/calls/{id}/decision: a recorded decision taken again, with what each rule read. */
export type ExplainedDecision = {
  readonly call: string
  readonly session: string
  readonly kind: 'model' | 'tool' | 'undo'
  readonly action: string
  readonly pactId: string
  readonly at: string
  /** As it was recorded: this is the evidence. */
  readonly recorded: {
    readonly verdict: Verdict
    readonly code: string | null
    readonly enforced: boolean
    readonly state: string
    readonly reasons: readonly Reason[]
  }
  /** The same call, pact and facts decided again; null where something needed is gone. */
  readonly again: { readonly verdict: Verdict; readonly code: string | null } | null
  /** Whether both say the same; null where it was not decided again, or not by rules. */
  readonly agrees: boolean | null
  /** Where the session's facts come from. */
  readonly facts: 'recorded' | 'rebuilt'
  readonly rules: readonly ExplainedRule[]
  /** What limits this explanation, in sentences. */
  readonly notes: readonly string[]
}

export type ExplainedRule = {
  readonly rule: string
  readonly effect: Verdict
  readonly when: string | null
  /** `spoke`: its condition was true. `unknown`: it could not be asked again. */
  readonly said: 'spoke' | 'silent' | 'error' | 'unknown'
  readonly error: string | null
  /** It gave the verdict, alone or with others. */
  readonly isDecisive: boolean
  readonly reads: readonly {
    /** As the condition names it: `session.done["retail/pay"]`. */
    readonly name: string
    /** JSON; null also where there is none, with `isMissing`. */
    readonly value: unknown
    readonly isMissing: boolean
    readonly source: 'call' | 'recorded' | 'rebuilt' | 'pact'
  }[]
}

/** POST /v1/pacts/replay: one page of past sessions, decided again under another pact. */
export type ReplayPact = {
  readonly manifest: string
  readonly file: string
  /** Only these; at most 1,000. Without it the sessions of the manifest's agent. */
  readonly sessions?: readonly string[]
  /** Only sessions opened at this time or later. */
  readonly since?: string
  /** Only the newest of these. */
  readonly last?: number
  /** Only sessions that were driven from a recording: those with a model URL of their own. */
  readonly recorded?: boolean
  /** `next` of the last page. */
  readonly after?: string
  /** Sessions in a page. */
  readonly limit?: number
}

export type ReplayedPage = {
  readonly sessions: readonly ReplayedSession[]
  /** Sessions that the whole replay covers. */
  readonly total: number
  readonly next: string | null
}

export type ReplayedSession = {
  readonly id: string
  readonly openedAt: string
  readonly calls: number
  /** Decided under both pacts on the same facts. */
  readonly compared: number
  readonly skipped: {
    /** Answered from the record: no rule was asked. */
    readonly repeats: number
    /** Refused for another reason than rules, which another pact would not change. */
    readonly refused: number
    /** A rule reads the arguments, and they are forgotten. */
    readonly forgotten: number
    /** A rule reads what the record does not hold, such as a quote that was never asked for. */
    readonly unknown: number
  }
  /** Calls whose recorded verdict differs from the recorded pact's on the rebuilt facts. */
  readonly unlike: number
  /** The session has more calls than a replay reads. */
  readonly isCut: boolean
  readonly differences: readonly ReplayDifference[]
}

export type ReplayDifference = {
  readonly call: string
  readonly kind: 'model' | 'tool'
  readonly action: string
  readonly at: string
  readonly before: Verdict
  readonly after: Verdict
  readonly code: string | null
  /** The rules that give the new verdict, or that gave the old one where none speaks now. */
  readonly rules: readonly string[]
  readonly amount: { readonly minorUnits: string; readonly currency: string } | null
  /** What the call cost; null for a tool, or when it is not known. */
  readonly costNanoUsd: string | null
  /** The first difference of its session; what follows assumes that the session went on as it did. */
  readonly isFirst: boolean
}
