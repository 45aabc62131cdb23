/** One line of the log as the API lists it. */
export type Entry = {
  readonly logId: string
  readonly seq: string
  /** base64url RFC 6962 leaf hash: SHA-256 over 0x00 and the bytes. */
  readonly hash: string
  /** The bytes, as text: canonical JSON of at most 1,024 bytes. */
  readonly entry: string
}

/** GET /v1/entries. `log` is the id of a shard: the open one where it is not given. */
export type EntryQuery = {
  readonly log?: string
  readonly after?: string
  readonly limit?: number
}

export type EntryPage = { readonly entries: readonly Entry[]; readonly next: string | null }

/** GET /v1/log: what `doctor` and drills look at. */
export type LogSummary = {
  readonly logId: string
  readonly size: string
  /** Numbers below size that no entry has, among the newest `entriesChecked`. */
  readonly gaps: number
  /** Places where an agent's own numbering jumps. */
  readonly agentGaps: number
  /** Entries that do not carry the hash of their agent's previous entry. */
  readonly brokenLinks: number
  /** How many entries, the newest, were read. */
  readonly entriesChecked: number
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
