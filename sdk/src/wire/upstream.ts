/** GET /v1/upstreams: where one gateway process sends model calls, as it sees it from its traffic. */
export type UpstreamList = {
  /** The process whose view this is; null while it has no connection to the database. */
  readonly replica: string | null
  readonly at: string
  /** Model calls that are worked on and that wait for their turn, and how many may be worked on. */
  readonly admission: {
    readonly running: number
    readonly waiting: number
    readonly concurrencyMax: number
  }
  readonly upstreams: readonly Upstream[]
}

/** A model at an address. Agents whose endpoints name the same one share it. */
export type Upstream = {
  /** Origin and path of the base URL. */
  readonly upstream: string
  readonly model: string
  /** Some of the endpoints that are it, as `model/endpoint`. */
  readonly usedAs: readonly string[]
  /** `open`: out of traffic. `half-open`: the next call, or the one under way, is a probe. */
  readonly state: 'closed' | 'open' | 'half-open'
  readonly since: string
  /** An error code such as `upstream.timeout`, or `status 503`. */
  readonly lastError: { readonly what: string; readonly at: string } | null
  /** When the next call may try it; null while it is in traffic. */
  readonly nextProbeAt: string | null
  /** It asked to be left alone until then (Retry-After). */
  readonly restsUntil: string | null
  readonly inFlight: number
  /** Peak-EWMA of the time until the first byte; null before the first reply. */
  readonly firstByteMs: number | null
  readonly calls: number
  readonly errors: number
  /** How often it was taken out of traffic. */
  readonly ejections: number
  readonly lastCallAt: string | null
  readonly keys: readonly UpstreamKey[]
  /** The last active check; null without one. */
  readonly check: { readonly path: string; readonly at: string; readonly isUp: boolean } | null
}

export type UpstreamKey = {
  /** The environment variable that holds it; null where none is sent. */
  readonly env: string | null
  readonly state: 'ready' | 'rate-limited' | 'refused'
  /** When it is used again; null for one that is ready. */
  readonly until: string | null
}
