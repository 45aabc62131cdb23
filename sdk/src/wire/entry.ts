/** One line of the log as the API lists it. */
export type Entry = {
  readonly logId: string
  readonly seq: string
  /** base64url SHA-256 of the bytes. */
  readonly hash: string
  /** The bytes, as text: canonical JSON of at most 1,024 bytes. */
  readonly entry: string
}

export type EntryPage = { readonly entries: readonly Entry[]; readonly next: string | null }

/** GET /v1/log: what `doctor` and drills look at. */
export type LogSummary = {
  readonly logId: string
  readonly size: string
  readonly gaps: number
  readonly agentGaps: number
  readonly brokenLinks: number
  readonly callsWithoutOutcome: number
}

/** GET /healthz */
export type Health = {
  readonly status: 'ok' | 'stopping' | 'failing'
  readonly version: string
  readonly database: {
    readonly version: string
    readonly embedded: boolean
    readonly clockSkewMs: number
  } | null
  readonly openCalls: number
}
