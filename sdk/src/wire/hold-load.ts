/** What approvals ask of people. GET /v1/holds/load */
export type HoldLoad = {
  /** How far back it looks. */
  readonly days: number
  /** There was more than is looked at: the newest 20,000 of each kind are in. */
  readonly isCut: boolean
  readonly waiting: { readonly count: number; readonly oldestAt: string | null }
  readonly approved: number
  readonly rejected: number
  /** Nobody answered in time. */
  readonly expired: number
  /** From the opening of a hold to its decision. */
  readonly answer: AnswerTimes | null
  readonly people: readonly PersonLoad[]
  readonly repeated: readonly RepeatedApproval[]
  readonly canaries: CanaryCounts
}

export type AnswerTimes = { readonly p50Seconds: number; readonly p90Seconds: number }

/**
 * `fast`: half of the approvals, and five at least, came within 5 seconds of the look. `always`: all
 * of 20 votes or more approved. `canary`: approved a request that was made to be refused.
 */
export type LoadWarning = 'fast' | 'always' | 'canary'

export type PersonLoad = {
  readonly operator: string
  readonly approved: number
  readonly rejected: number
  readonly approvedPercent: number
  readonly answer: AnswerTimes | null
  /** Approved within 5 seconds of being shown the hold. */
  readonly fast: number
  /** Approved without ever being shown the hold by `GET /v1/holds/{id}`. */
  readonly unseen: number
  readonly canaries: { readonly approved: number; readonly rejected: number }
  readonly warnings: readonly LoadWarning[]
}

/** Asked at least ten times, and never refused. */
export type RepeatedApproval = {
  readonly agent: string
  readonly action: string
  readonly rules: readonly string[]
  readonly approved: number
  readonly expired: number
  /** The largest; null where there is no such thing. */
  readonly amountMax: { readonly minorUnits: string; readonly currency: string } | null
  /** Manifest YAML that would not ask; null where no permission of the pact held the calls. */
  readonly suggestion: string | null
}

export type CanaryCounts = {
  readonly planted: number
  readonly approved: number
  readonly rejected: number
  readonly expired: number
  readonly pending: number
}

/** POST /v1/holds/canary */
export type PlantCanary = {
  readonly agent: string
  /** `server/tool` */
  readonly action: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** The rule that seems to hold it; else the first that could. */
  readonly rule?: string
  /** A decimal, where the contract asks another tool for the amount. */
  readonly amount?: string
  readonly task?: string
  readonly endUser?: string
}

export type PlantedCanary = { readonly hold: string }
