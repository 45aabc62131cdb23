/** GET /v1/identity, and of an agent with `?agent=`. */
export type Identity = {
  readonly did: string
  /** The same document, without its history. */
  readonly webDid: string
  readonly agent: string | null
  readonly versionId: string
  readonly versionTime: string
  readonly isDeactivated: boolean
  /** Hashes of the keys that may sign the next version: the server's, and a recovery key's. */
  readonly nextKeyHashes: readonly string[]
  readonly witness: WitnessRule | null
  /** The log with a version that waits for its witnesses, to be handed to them. */
  readonly pendingLog: string | null
  readonly document: Readonly<Record<string, unknown>>
  /** This install as a witness of others. */
  readonly witnessDid: string
}

export type WitnessRule = { readonly threshold: number; readonly witnesses: readonly string[] }

/** POST /v1/identity/rotate. `agent` is a name or an id; without one it is the organisation. */
export type RotateIdentity = {
  readonly agent?: string
  /** A multikey that is kept elsewhere: it may sign the next version in place of the server's. */
  readonly recoveryKey?: string
  /** Who must approve the versions after this one; null: nobody any more. */
  readonly witness?: WitnessRule | null
}

/** POST /v1/identity/deactivate: for good. */
export type DeactivateIdentity = { readonly agent?: string }

/** POST /v1/identity/recovery-drafts */
export type DraftRecovery = {
  readonly agent?: string
  readonly recoveryKey: string
  readonly nextRecoveryKey?: string
}

/** The entry of did.jsonl that the recovery key has to sign. */
export type RecoveryDraft = {
  readonly did: string
  readonly entry: {
    readonly versionId: string
    readonly versionTime: string
    readonly parameters: Readonly<Record<string, unknown>>
    readonly state: Readonly<Record<string, unknown>>
  }
}

/** POST /v1/identity/recover: the line of did.jsonl, signed. */
export type RecoverIdentity = { readonly agent?: string; readonly line: string }

/** POST /v1/identity/resolve */
export type ResolveDid = { readonly did: string }

export type ResolvedDid = {
  readonly did: string
  readonly document: Readonly<Record<string, unknown>>
  readonly versionId: string | null
  readonly isDeactivated: boolean
}

/** POST /v1/identity/witness: approves the last version of somebody's log. */
export type WitnessDid = { readonly did: string; readonly log: string }

/** POST /v1/identity/witness-proofs takes what POST /v1/identity/witness answered. */
export type WitnessApproval = {
  readonly versionId: string
  readonly proof: Readonly<Record<string, unknown>>
}

export type AddWitnessProof = WitnessApproval & { readonly agent?: string }

/** A public key that an agent enrolled. */
export type AgentPublicKey = {
  /** RFC 7638 thumbprint: the `keyid` of the agent's signatures. */
  readonly thumbprint: string
  readonly algorithm: 'ed25519' | 'es256'
  readonly jwk: Readonly<Record<string, string>>
  readonly createdAt: string
  readonly expiresAt: string | null
  readonly revokedAt: string | null
}

/** POST /v1/agents/{agent}/public-keys: one of the three. */
export type AddPublicKey = {
  readonly jwk?: Readonly<Record<string, unknown>>
  /** SPKI. */
  readonly pem?: string
  readonly multikey?: string
  readonly expiresAt?: string
}

export type PublicKeyPage = { readonly keys: readonly AgentPublicKey[] }
