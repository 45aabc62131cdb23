// What model calls used, and how that compares with a provider's own account.

/** One model call that was settled with usage. Sums of nano-USD are decimal text. */
export type ModelUse = {
  readonly id: string
  readonly sessionId: string
  readonly agent: string
  /** As the manifest names it. */
  readonly model: string
  readonly provider: string | null
  readonly upstreamModel: string
  readonly promptTokens: number
  /** Parts of the prompt. */
  readonly cachedTokens: number
  readonly cacheWriteTokens: number
  readonly completionTokens: number
  readonly costNanoUsd: string
  readonly at: string
}

/** GET /v1/usage/calls */
export type ModelUsePage = { readonly calls: readonly ModelUse[]; readonly next: string | null }

export type UsageQuery = {
  readonly agent?: string
  /** Times: RFC 3339. */
  readonly from?: string
  readonly to?: string
  readonly after?: string
  readonly limit?: number
}

/** A day and a model of a provider's account. Null: the account does not say. */
export type UsageLine = {
  /** `2026-11-22`, in UTC. */
  readonly day: string
  readonly model: string
  readonly calls: number | null
  /** All of the prompt, cached tokens included. */
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly costNanoUsd: string | null
}

/** POST /v1/usage/imports */
export type ImportUsage = {
  readonly provider: string
  /** SHA-256 (hex) over the file. */
  readonly fileHash: string
  /** Per cent of the provider's figure; a difference up to it is none. */
  readonly tolerancePercent: number
  readonly lines: readonly UsageLine[]
}

export type UsageFigures = {
  readonly calls: number | null
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly costNanoUsd: string | null
}

/** What the record has and the provider's account has, of one day and model. */
export type UsageDifference = {
  readonly day: string
  readonly model: string
  /** Null where one of them has nothing. */
  readonly ours: UsageFigures | null
  readonly theirs: UsageFigures | null
  /** Ours less theirs. */
  readonly difference: UsageFigures
  /** The largest difference of tokens and cost, in per cent of theirs; null: theirs is nothing. */
  readonly percent: number | null
  /** Calls of ours whose usage nobody knows: what they may have cost is held, and not counted. */
  readonly unknownCalls: number
  readonly isWithin: boolean
}

export type UsageImport = {
  readonly id: string
  readonly provider: string
  readonly fileHash: string
  readonly firstDay: string
  readonly lastDay: string
  readonly tolerancePercent: number
  /** Whether the sum and every line are within the tolerance. */
  readonly isWithin: boolean
  readonly importedAt: string
  readonly total: UsageDifference
  readonly lines: readonly UsageDifference[]
}

export type UsageImportSummary = Omit<UsageImport, 'lines'>

/** GET /v1/usage/imports */
export type UsageImportPage = {
  readonly imports: readonly UsageImportSummary[]
  readonly next: string | null
}
