/** A vote of an operator about one round of a hold. */
export type HoldVote = {
  readonly operator: string
  readonly vote: 'approve' | 'reject'
  readonly round: number
  readonly level: number
  /** The levels of the policy that the voter is an approver of. */
  readonly levels: readonly number[]
  readonly reason: string
  readonly castAt: string
  /** Of a signed vote: the statement, the signature (base64url) and the key's thumbprint. */
  readonly statement: string | null
  readonly signature: string | null
  readonly key: string | null
}

/** GET /v1/holds/{id}/votes: of all rounds. */
export type HoldVotes = { readonly votes: readonly HoldVote[] }

/** An operator's own Ed25519 key. */
export type OperatorKey = {
  /** RFC 7638, SHA-256, base64url. */
  readonly thumbprint: string
  /** 32 bytes, base64url: the member x of the JWK. */
  readonly publicKey: string
  readonly addedBy: string
  readonly addedAt: string
  readonly revokedAt: string | null
}

/** GET /v1/operators/{id}/keys; `me` is who asks. */
export type OperatorKeys = {
  readonly organisation: string
  readonly operator: string
  readonly keys: readonly OperatorKey[]
}

/**
 * POST /v1/operators/{id}/keys. `proof` is the new key's signature, `endorsement` that of a key that
 * the operator has already (see signOperatorKey).
 */
export type AddOperatorKey = {
  readonly publicKey: string
  readonly proof?: string
  readonly endorsement?: string
}

/** POST /v1/operators/{id}/teams */
export type SetTeams = { readonly teams: readonly string[] }

/** Who is on call: members take turns, each for a shift of days by the clocks of the zone. */
export type Schedule = {
  readonly name: string
  readonly members: readonly { readonly id: string; readonly name: string }[]
  readonly zone: string
  /** `YYYY-MM-DD`: the first member's first shift. */
  readonly startsOn: string
  /** `HH:MM`: when shifts change. */
  readonly handoverAt: string
  readonly shiftDays: number
  /** Whose shift it is now; null before the first one. */
  readonly onCall: { readonly id: string; readonly name: string } | null
}

export type SchedulePage = { readonly schedules: readonly Schedule[] }

/** POST /v1/oncall/{name}. Members are operators' names or ids. */
export type SetSchedule = {
  readonly members: readonly string[]
  readonly zone: string
  readonly startsOn: string
  readonly handoverAt?: string
  readonly shiftDays?: number
}
