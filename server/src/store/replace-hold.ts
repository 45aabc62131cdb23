// A held call is rejected because somebody proposes it with other arguments.
import { randomBytes } from 'node:crypto'
import { commitReason, reasonSaltBytes } from '../core/audit/reason.ts'
import { AirworthyError } from '../core/errors.ts'
import type { OrganisationId } from '../core/ids.ts'
import { closeHold } from './close-hold.ts'
import type { Database } from './database.ts'
import { readFullHold } from './hold-rows.ts'
import { bringToNow } from './hold-steps.ts'
import { findOperator } from './operators.ts'
import { runCommand } from './transaction.ts'
import { entitledLevels } from './vote-checks.ts'

/** Throws `hold.unknown`, `hold.settled`, `hold.expired`, or `vote.forbidden`. */
export async function replaceHold(
  db: Database,
  organisationId: OrganisationId,
  replaced: {
    readonly holdId: string
    readonly operatorId: string
    readonly reason: string
    /** Of the call that takes its place. */
    readonly newEffectKey: string
  },
): Promise<void> {
  const { holdId, operatorId, reason, newEffectKey } = replaced
  const isExpired = await runCommand(db, organisationId, async (tx) => {
    const before = await readFullHold(tx, organisationId, holdId)
    if (before === undefined) throw new AirworthyError('hold.unknown', 'there is no such hold')
    const hold = before.state === 'pending' ? await bringToNow(tx, organisationId, before) : before
    if (hold.state === 'expired' && before.state === 'pending') return true
    if (hold.state !== 'pending') {
      throw new AirworthyError('hold.settled', `the hold is ${hold.state} already`)
    }
    const operator = await findOperator(tx, organisationId, operatorId)
    if (operator === undefined) throw new AirworthyError('auth.revoked_key', 'the key was revoked')
    await entitledLevels(tx, organisationId, { hold, operator })
    const salt = randomBytes(reasonSaltBytes)
    const by = { operatorId, reason: commitReason(salt, reason) }
    await tx
      .updateTable('airworthy.holds')
      .set({ edit_reason: reason, edit_salt: salt })
      .where('organisation_id', '=', organisationId)
      .where('hold_id', '=', holdId)
      .execute()
    await closeHold(tx, organisationId, { hold, end: 'replaced', by, newEffectKey })
    return false
  })
  if (isExpired) throw new AirworthyError('hold.expired', 'the hold expired before the edit')
}
