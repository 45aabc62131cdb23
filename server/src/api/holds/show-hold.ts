// GET /v1/holds/{id}
import type { HoldDetail } from '@airworthy/sdk'
import { z } from 'zod'
import type { HoldCard } from '../../core/approval/card.ts'
import { AirworthyError } from '../../core/errors.ts'
import { recordHoldView } from '../../store/holds/approval-load.ts'
import { readCard } from '../../store/holds/hold-card.ts'
import { defineOperation } from '../operation.ts'
import { id, idParams, time } from '../schemas.ts'
import { holdSchema, openArguments, presentHold, requireHold } from './hold.ts'

const question: z.ZodType<HoldDetail['question']> = z.object({
  round: z.int(),
  level: z.int(),
  levels: z.int(),
  levelUntil: time,
  quorum: z.int(),
  votesSoFar: z.object({ approve: z.int(), reject: z.int() }),
  reversibility: z.string(),
  onExpiry: z.string(),
})

const reply: z.ZodType<HoldDetail> = holdSchema
  .extend({ question, replaces: id.nullable(), replacedBy: id.nullable() })
  .meta({ id: 'HoldDetail' })

export const showHold = defineOperation({
  id: 'show-hold',
  method: 'GET',
  path: '/v1/holds/{id}',
  summary: 'Show a hold with the exact arguments that wait, and how far the votes are',
  roles: ['operator', 'approver'],
  params: idParams,
  reply,
  errors: ['hold.unknown'],
  run: async (context, { params }) => {
    const { db, organisationId } = context
    const { operatorId } = context.operator
    const hold = await requireHold(context, params.id)
    await recordHoldView(db, organisationId, { ...hold, operatorId })
    const card = await readCard(db, organisationId, params.id)
    if (card === undefined) throw new AirworthyError('hold.unknown', 'there is no such hold')
    return {
      ...presentHold(hold, await openArguments(context, hold)),
      question: questionOf(card),
      replaces: hold.replaces,
      replacedBy: hold.replacedBy,
    }
  },
})

function questionOf(card: HoldCard): HoldDetail['question'] {
  const { round, level, levels, levelUntil, quorum, votesSoFar, reversibility, onExpiry } = card
  return { round, level, levels, levelUntil, quorum, votesSoFar, reversibility, onExpiry }
}
