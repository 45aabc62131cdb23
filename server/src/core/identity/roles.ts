// Who may do what with the control API. Each operation names the roles that may call it.

export const roles = ['admin', 'operator', 'approver', 'auditor', 'launcher'] as const

/**
 * admin: everything. operator: runs agents. approver: votes on holds. auditor: proofs and metadata,
 * payloads with a reason. launcher: opens and closes sessions.
 */
export type Role = (typeof roles)[number]

/** An admin may call every operation. */
export function mayCall(allowed: readonly Role[], role: Role): boolean {
  return role === 'admin' || allowed.includes(role)
}

const grantable: Partial<Record<Role, readonly Role[]>> = {
  admin: roles,
  operator: ['operator', 'launcher'],
}

/** Who may give a role, and take it away: nobody more than the own one. */
export function mayGrant(by: Role, granted: Role): boolean {
  return grantable[by]?.includes(granted) === true
}

/** What a key of this role looks like. */
export function keyKindOfRole(role: Role): 'operator' | 'launcher' {
  return role === 'launcher' ? 'launcher' : 'operator'
}
