// POST /v1/effects/{id}/resolve
import type { ResolveEffect } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { defineOperation } from '../operation.ts'
import { idParams, text } from '../schemas.ts'
import { effectSchema, presentEffect, requireEffect } from './effect.ts'

const body: z.ZodType<ResolveEffect> = z
  .strictObject({
    outcome: z.enum(['done', 'failed']),
    reason: text({ min: 1, max: 500 }).meta({ description: 'How it was found out.' }),
  })
  .meta({ id: 'ResolveEffect' })

export const resolveEffect = defineOperation({
  id: 'resolve-effect',
  method: 'POST',
  path: '/v1/effects/{id}/resolve',
  summary: 'Settle an effect, or an undo, whose outcome is unknown, as a person found it',
  roles: ['operator'],
  params: idParams,
  body,
  reply: effectSchema,
  errors: ['request.not_found', 'call.unknown'],
  run: async ({ db, organisationId, effects, operator }, { params, body: request }) => {
    const effect = await requireEffect(db, organisationId, params.id)
    if (effect.state !== 'unknown' && effect.state !== 'undoing') {
      throw new AirworthyError(
        'request.invalid',
        `the effect is ${effect.state}; only one whose outcome is unknown can be resolved`,
      )
    }
    const { outcome, reason } = request
    const { effectId } = effect
    await effects.resolve({ effectId, operatorId: operator.operatorId, outcome, reason })
    return presentEffect(await requireEffect(db, organisationId, effectId))
  },
})
