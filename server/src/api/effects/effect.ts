// Effects as the wire shows them.
import type { Effect } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../../store/database.ts'
import { type EffectRow, findEffect } from '../../store/calls/effects.ts'
import { amount, id, time } from '../schemas.ts'

export const effectStateSchema = z.enum([
  'held',
  'deferred',
  'executing',
  'done',
  'failed',
  'unknown',
  'undoing',
  'undone',
  'undo_failed',
  'denied',
])

export const effectClassSchema = z.enum(['read', 'reversible', 'compensable', 'irreversible'])

export const effectSchema = z
  .object({
    id,
    callId: id,
    sessionId: id,
    agentId: id,
    action: z.string(),
    effectClass: effectClassSchema,
    key: z.string(),
    state: effectStateSchema,
    amount: amount.nullable(),
    createdAt: time,
    settledAt: time.nullable(),
    undoCallId: id.nullable(),
  })
  .meta({ id: 'Effect' }) satisfies z.ZodType<Effect>

export function presentAmount(row: {
  readonly amountMinor: string | null
  readonly currency: string | null
}): Effect['amount'] {
  if (row.amountMinor === null || row.currency === null) return null
  return { minorUnits: row.amountMinor, currency: row.currency }
}

export function presentEffect(row: EffectRow): Effect {
  return {
    id: row.effectId,
    callId: row.callId,
    sessionId: row.sessionId,
    agentId: row.agentId,
    action: row.action,
    effectClass: effectClassSchema.parse(row.effectClass),
    key: row.effectKey,
    state: effectStateSchema.parse(row.state),
    amount: presentAmount(row),
    createdAt: row.createdAt.toISOString(),
    settledAt: row.settledAt?.toISOString() ?? null,
    undoCallId: row.undoCallId,
  }
}

/** The effect of this id. Throws `request.not_found`. */
export async function requireEffect(
  db: Database,
  organisationId: OrganisationId,
  effectId: string,
): Promise<EffectRow> {
  const effect = await findEffect(db, organisationId, effectId)
  if (effect === undefined) {
    throw new AirworthyError('request.not_found', `there is no effect ${effectId}`)
  }
  return effect
}
