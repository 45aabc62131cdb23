// The operator that a path names: an id, or `me` for who asks.
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { findOperator, type OperatorRow } from '../../store/identity/operators.ts'
import type { Context } from '../operation.ts'
import { id } from '../schemas.ts'

export const operatorId = z
  .union([id, z.literal('me')], { error: 'expected a UUID, or me' })
  .meta({ description: 'An id, or `me`: who asks.' })

/** Throws `request.not_found`. */
export async function requireOperator(
  { db, organisationId, operator }: Pick<Context, 'db' | 'organisationId' | 'operator'>,
  named: string,
): Promise<OperatorRow> {
  const wanted = named === 'me' ? operator.operatorId : named
  const row = await findOperator(db, organisationId, wanted)
  if (row !== undefined) return row
  throw new AirworthyError('request.not_found', `there is no operator ${named}`)
}
