// POST /v1/holds/{id}/edit
import type { EditedHold, EditHold } from '@airworthy/sdk'
import { z } from 'zod'
import { findHold } from '../../store/holds/holds.ts'
import { callSchema, presentCall, requireCall } from '../calls/call.ts'
import { defineOperation } from '../operation.ts'
import { idParams, text } from '../schemas.ts'
import { holdSchema, openArguments, presentHold, requireHold } from './hold.ts'

const body: z.ZodType<EditHold> = z
  .strictObject({
    arguments: z.record(z.string(), z.json()),
    reason: text({ max: 500 }).exactOptional(),
  })
  .meta({ id: 'EditHold' })

const reply: z.ZodType<EditedHold> = z
  .object({
    call: callSchema,
    hold: holdSchema.nullable().meta({ description: 'Null where the call is denied.' }),
  })
  .meta({ id: 'EditedHold' })

export const editHold = defineOperation({
  id: 'edit-hold',
  method: 'POST',
  path: '/v1/holds/{id}/edit',
  summary: 'Reject a held call and propose it with other arguments; somebody else approves that',
  roles: ['operator', 'approver'],
  params: idParams,
  body,
  reply,
  errors: [
    'hold.unknown',
    'hold.settled',
    'hold.expired',
    'vote.forbidden',
    'tool.arguments_invalid',
  ],
  run: async (context, { params, body: request }) => {
    const { db, organisationId } = context
    await requireHold(context, params.id)
    const { callId, holdId } = await context.holds.edit({
      holdId: params.id,
      operatorId: context.operator.operatorId,
      args: request.arguments,
      reason: request.reason ?? '',
    })
    const call = presentCall(await requireCall(db, organisationId, callId))
    const row = holdId === undefined ? undefined : await findHold(db, organisationId, holdId)
    const hold = row === undefined ? null : presentHold(row, await openArguments(context, row))
    return { call, hold }
  },
})
