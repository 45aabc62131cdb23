// POST /v1/handovers/{id}/take
import type { TakeHandover } from '@airworthy/sdk'
import { z } from 'zod'
import { takeHandover as take } from '../../store/handover/handovers.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { handoverSchema, presentHandover } from './handover.ts'

const body: z.ZodType<TakeHandover> = z
  .strictObject({ fromAnother: z.boolean().exactOptional() })
  .meta({ id: 'TakeHandover' })

export const takeHandover = defineOperation({
  id: 'take-handover',
  method: 'POST',
  path: '/v1/handovers/{id}/take',
  summary: 'Take a session that was handed over: from now on only you act in it',
  roles: ['operator'],
  params: idParams,
  body,
  reply: handoverSchema,
  errors: ['handover.unknown', 'handover.settled', 'handover.taken'],
  run: async ({ db, organisationId, operator }, { params, body: { fromAnother = false } }) => {
    const taking = { handoverId: params.id, operatorId: operator.operatorId, fromAnother }
    return presentHandover(
      await runCommand(db, organisationId, (tx) => take(tx, organisationId, taking)),
    )
  },
})
