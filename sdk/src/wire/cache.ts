/** What the caches hold of one model. */
export type CachedModel = {
  readonly agentId: string
  readonly agent: string
  readonly model: string
  readonly entries: number
  readonly bytes: string
  /** Replies given from the entries that are still there. */
  readonly hits: string
}

/** How a semantic cache stands; evidence of another make (embedding, threshold) is another's. */
export type CacheStanding = {
  readonly agentId: string
  readonly model: string
  readonly make: string
  /** In shadow it only watches. */
  readonly mode: 'shadow' | 'live'
  readonly agree: number
  readonly differ: number
  /** Nobody has looked yet: counted as false. */
  readonly unsure: number
  /** Of false hits among all pairs; null while there are none. */
  readonly rate: number | null
  /** The rate is below this with a probability of 95 %. */
  readonly upperBound: number
  readonly falseHitRateMax: number
  readonly isWithinBudget: boolean
  readonly changedAt: string
}

/** GET /v1/cache */
export type CacheStats = {
  readonly models: readonly CachedModel[]
  readonly standings: readonly CacheStanding[]
}

/** POST /v1/cache/purge */
export type PurgeCache = {
  /** Id or name. */
  readonly agent: string
  readonly model?: string
}

export type PurgedCache = { readonly entries: number }

/** POST /v1/cache/mode */
export type SetCacheMode = {
  readonly agent: string
  readonly model: string
  readonly mode: 'shadow' | 'live'
  /** Where the model has evidence of more than one. */
  readonly make?: string
}

/** A real reply held against the one that the semantic cache would have given, or gave. */
export type CachePair = {
  readonly id: string
  readonly agentId: string
  readonly agent: string
  readonly model: string
  readonly make: string
  /** The call that was asked for real; the call whose reply was cached. */
  readonly callId: string
  readonly cachedCallId: string
  readonly similarity: number
  /** `sample`: the cache was live, and this hit was asked for real all the same. */
  readonly kind: 'shadow' | 'sample'
  readonly verdict: 'agree' | 'differ' | 'unsure'
  readonly reviewedAt: string | null
  readonly createdAt: string
}

/** GET /v1/cache/pairs */
export type CachePairPage = { readonly pairs: readonly CachePair[]; readonly next: string | null }

/** POST /v1/cache/pairs/{id}/review */
export type ReviewCachePair = { readonly verdict: 'agree' | 'differ' }
