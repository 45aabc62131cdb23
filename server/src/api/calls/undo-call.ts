// POST /v1/calls/{id}/undo
import type { UndoCall } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { defineOperation } from '../operation.ts'
import { idParams, text } from '../schemas.ts'
import { callSchema, presentCall, requireCall } from './call.ts'

export const reasonMax = 500

const body: z.ZodType<UndoCall> = z
  .strictObject({ reason: text({ max: reasonMax }).exactOptional() })
  .meta({ id: 'UndoCall' })

export const undoCall = defineOperation({
  id: 'undo-call',
  method: 'POST',
  path: '/v1/calls/{id}/undo',
  summary: "Undo a call's effect, as its contract says",
  roles: ['operator'],
  params: idParams,
  body,
  reply: callSchema,
  errors: [
    'call.unknown',
    'effect.not_undoable',
    'effect.undo_expired',
    'effect.undo_blocked',
    'effect.in_flight',
    'effect.unknown',
    'upstream.unreachable',
  ],
  run: async ({ db, organisationId, effects, operator }, { params, body: request }) => {
    const call = await requireCall(db, organisationId, params.id)
    if (call.effect === null || call.kind === 'undo') {
      throw new AirworthyError('effect.not_undoable', 'the call had no effect on the world')
    }
    await effects.undo({
      callId: call.callId,
      effectId: call.effect.effectId,
      operatorId: operator.operatorId,
      reason: request.reason ?? '',
    })
    return presentCall(await requireCall(db, organisationId, params.id))
  },
})
