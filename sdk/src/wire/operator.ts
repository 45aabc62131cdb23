/**
 * Who uses the control API. An admin may do everything, an operator runs agents, an approver votes
 * on holds, an auditor reads proofs and metadata, a launcher opens, lists and closes sessions.
 */
export type Operator = {
  readonly id: string
  readonly name: string
  readonly role: 'admin' | 'operator' | 'approver' | 'auditor' | 'launcher'
  readonly teams: readonly string[]
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
