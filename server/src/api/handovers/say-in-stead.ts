// POST /v1/handovers/{id}/say
import type { SayInStead } from '@airworthy/sdk'
import { z } from 'zod'
import { messageCharactersMax } from '../../core/handover/handover.ts'
import { defineOperation } from '../operation.ts'
import { idParams, text } from '../schemas.ts'
import { handoverSchema, presentHandover } from './handover.ts'

const body: z.ZodType<SayInStead> = z
  .strictObject({
    to: z.enum(['user', 'agent']),
    text: text({ min: 1, max: messageCharactersMax }),
  })
  .meta({ id: 'SayInStead' })

export const sayInStead = defineOperation({
  id: 'say-in-stead',
  method: 'POST',
  path: '/v1/handovers/{id}/say',
  summary: 'Write to the end user, or to the agent for when it has the session back',
  roles: ['operator'],
  params: idParams,
  body,
  reply: handoverSchema,
  errors: [
    'handover.unknown',
    'handover.settled',
    'handover.not_taken',
    'handover.too_many',
    'erasure.in_use',
  ],
  run: async ({ handovers, operator }, { params, body: { to, text: words } }) => {
    const acting = { handoverId: params.id, operatorId: operator.operatorId }
    return presentHandover(await handovers.say({ ...acting, audience: to, text: words }))
  },
})
