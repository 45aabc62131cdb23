// What routing chose, what it saved or would have saved, and where answers differed.

export type RouteStep = 'only' | 'try' | 'then' | 'compare'

/** Calls that were routed alike. Sums of nano-USD are decimal text. */
export type RouteUse = {
  readonly route: string
  /** The rule that chose; `otherwise` where none did. */
  readonly rule: string
  readonly mode: 'enforce' | 'shadow'
  /** What the rules chose, and what was asked: in shadow they differ. */
  readonly chosen: string
  readonly used: string
  /** The only call, a step of a cascade, or made to be compared. */
  readonly step: RouteStep
  readonly calls: number
  /** Of cascades: answers of the first model that did not stand. */
  readonly escalated: number
  readonly spentNanoUsd: string
  /** The same tokens at the prices of the other model; null where its price is not known. */
  readonly otherNanoUsd: string | null
  readonly compared: { readonly same: number; readonly differs: number; readonly unsure: number }
}

/** Two calls whose answers are not the same: read them with `airworthy call show`. */
export type RouteDisagreement = {
  readonly callId: string
  readonly ofCallId: string | null
  readonly route: string
  readonly rule: string
  readonly agreement: 'differs' | 'unsure'
  /** 1 for the same words, 0 where nothing is shared. */
  readonly score: number
}

/** GET /v1/agents/{agent}/routes */
export type RouteReport = {
  readonly agent: string
  readonly since: string
  readonly uses: readonly RouteUse[]
  /** Of enforced routes: what `otherwise` would have cost, less what was spent. */
  readonly savedNanoUsd: string
  /** Of shadowed routes: what would have been spent less. */
  readonly wouldSaveNanoUsd: string
  readonly disagreements: readonly RouteDisagreement[]
}
