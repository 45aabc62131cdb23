// Whether an operator may propose a held call with other arguments. It is replaced by the recorder, in
// the commit in which the new one is held (recorder/place-edit.ts).
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import { readFullHold } from './hold-rows.ts'
import { findOperator } from '../identity/operators.ts'
import { entitledLevels } from './vote-checks.ts'

/** Throws `hold.unknown`, `hold.settled`, or `vote.forbidden`. */
export async function requireEditor(
  db: Database,
  organisationId: OrganisationId,
  edit: { readonly holdId: string; readonly operatorId: string },
): Promise<void> {
  const hold = await readFullHold(db, organisationId, edit.holdId)
  if (hold === undefined) throw new AirworthyError('hold.unknown', 'there is no such hold')
  if (hold.state !== 'pending') {
    throw new AirworthyError('hold.settled', `the hold is ${hold.state} already`)
  }
  const operator = await findOperator(db, organisationId, edit.operatorId)
  if (operator === undefined || operator.revokedAt !== null) {
    throw new AirworthyError('auth.revoked_key', 'the key was revoked')
  }
  await entitledLevels(db, organisationId, { hold, operator })
}
