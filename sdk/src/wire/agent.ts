/** POST /v1/agents: the manifest as the operator wrote it, whole. */
export type EnrolAgent = {
  readonly manifest: string
  /** The name of the file, for the places of problems. */
  readonly file: string
  /** Issue one more API key, although the agent is not new. */
  readonly newKey?: boolean
}

/** One row of `detail.problems` of `manifest.invalid`. */
export type ManifestProblem = {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly path: string
  readonly value: unknown
  readonly expected: string
  readonly message: string
}

export type AgentVersion = {
  readonly id: string
  readonly number: number
  /** Hex SHA-256 over the components. */
  readonly fingerprint: string
  readonly components: Readonly<Record<'model' | 'prompt' | 'tools' | 'settings', string>>
  readonly createdAt: string
}

export type PactVersion = {
  readonly id: string
  readonly number: number
  readonly hash: string
  readonly createdAt: string
}

export type Agent = {
  readonly id: string
  readonly name: string
  readonly owner: string
  readonly stakes: 'low' | 'medium' | 'high'
  readonly version: AgentVersion
  readonly pact: PactVersion
  readonly createdAt: string
}

export type EnrolledAgent = {
  readonly agent: Agent
  readonly created: { readonly agent: boolean; readonly version: boolean; readonly pact: boolean }
  /** Shown once, only when the agent is new (or a key was asked for); stored as a hash. */
  readonly apiKey: string | null
  readonly warnings: readonly string[]
}

/** GET /v1/agents */
export type AgentPage = { readonly agents: readonly Agent[]; readonly next: string | null }

/** What an API key may be used for. `call`: everything that the agent may do. */
export type KeyScope = 'call' | 'models' | 'tools'

/** POST /v1/agents/{agent}/keys: all optional. */
export type IssueKey = {
  /** Binds the key to a public key of the agent: the key alone is then worth nothing. */
  readonly thumbprint?: string
  readonly scopes?: readonly KeyScope[]
  readonly expiresAt?: string
}

/** POST /v1/agents/{agent}/keys/{id}/rotate */
export type RotateKey = {
  /** How long the old key goes on working; one hour when not given. */
  readonly overlapSeconds?: number
  readonly expiresAt?: string
}

/** POST /v1/agents/{agent}/keys, and .../rotate */
export type IssuedKey = { readonly id: string; readonly apiKey: string }

export type AgentDetail = {
  readonly agent: Agent
  readonly versions: readonly AgentVersion[]
  readonly pacts: readonly PactVersion[]
  readonly keys: readonly ApiKeyInfo[]
  readonly budgets: readonly Budget[]
  readonly manifest: string
}

export type ApiKeyInfo = {
  readonly id: string
  readonly prefix: string
  /** Of the public key that has to sign what comes with the key; null: none has to. */
  readonly thumbprint: string | null
  readonly scopes: readonly KeyScope[]
  readonly createdAt: string
  readonly expiresAt: string | null
  readonly revokedAt: string | null
}

export type Budget = {
  readonly id: string
  readonly scope: 'session' | 'agent'
  readonly scopeId: string
  readonly unit: 'calls' | 'tokens' | 'nano_usd' | 'input_tokens' | 'output_tokens'
  /** Decimal strings of integers: they may pass 2^53. */
  readonly limit: string
  readonly settled: string
  readonly reserved: string
  readonly leased: string
  readonly unknown: string
  /** What providers reported above the reservation: it exhausts the budget. */
  readonly overrun: string
}
