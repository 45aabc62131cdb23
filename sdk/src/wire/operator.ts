/**
 * Who uses the control API. An admin may do everything, an operator runs agents, an approver votes
 * on holds, an auditor reads proofs and metadata, a launcher opens, lists and closes sessions.
 */
export type Operator = {
  readonly id: string
  readonly name: string
  readonly role: 'admin' | 'operator' | 'approver' | 'auditor' | 'launcher'
  readonly teams: readonly string[]
  /** Null for the first one, and for those of earlier releases. */
  readonly addedBy: string | null
  /**
   * Its own id; where somebody who is no admin has added it, that of the operator at the chain's end.
   * Operators of one person have one vote, and do not confirm each other's proposals.
   */
  readonly person: string
  readonly createdAt: string
  readonly revokedAt: string | null
}

/** POST /v1/operators */
export type AddOperator = {
  readonly name: string
  readonly role: Operator['role']
  /** Only an admin gives teams: approvals may be asked of them. */
  readonly teams?: readonly string[]
}

/** The key is shown once, and stored as a hash. */
export type AddedOperator = { readonly operator: Operator; readonly key: string }

/** GET /v1/operators */
export type OperatorPage = { readonly operators: readonly Operator[]; readonly next: string | null }
