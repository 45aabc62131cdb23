// Who calls: the bearer key of an operator or a launcher, looked up by its hash.
import { AirworthyError } from '../core/errors.ts'
import { keyKindOf } from '../core/identity/key.ts'
import type { OrganisationId } from '../core/ids.ts'
import type { Database } from '../store/database.ts'
import { findOperatorByKey, type OperatorRow } from '../store/identity/operators.ts'

const bearer = /^Bearer +([A-Za-z0-9._~+/=-]{1,200}) *$/i

/** Throws an `auth.*` error unless the key belongs to an operator or launcher that still may. */
export async function authenticate(
  db: Database,
  organisationId: OrganisationId,
  authorization: string | undefined,
): Promise<OperatorRow> {
  const key = authorization === undefined ? undefined : bearer.exec(authorization)?.[1]
  if (key === undefined) {
    throw new AirworthyError(
      'auth.missing',
      'send an operator key: "authorization: Bearer awo_..."',
    )
  }
  const kind = keyKindOf(key)
  if (kind === 'agent' || kind === 'session') {
    throw new AirworthyError(
      'auth.agent_key_refused',
      'the control API takes the key of an operator or launcher, never that of an agent or session',
    )
  }
  const operator = kind === undefined ? undefined : await findOperatorByKey(db, organisationId, key)
  if (operator === undefined) throw new AirworthyError('auth.unknown_key', 'the key is not known')
  if (operator.revokedAt !== null)
    throw new AirworthyError('auth.revoked_key', 'the key was revoked')
  return operator
}
