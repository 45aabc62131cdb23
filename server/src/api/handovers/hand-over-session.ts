// POST /v1/sessions/{id}/hand-over
import type { HandOverSession } from '@airworthy/sdk'
import { z } from 'zod'
import { reasonCharactersMax } from '../../core/audit/reason.ts'
import { operatorCause } from '../../core/handover/handover.ts'
import { handOver } from '../../store/handover/handovers.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { idParams, text } from '../schemas.ts'
import { handoverSchema, presentHandover } from './handover.ts'

const body: z.ZodType<HandOverSession> = z
  .strictObject({ reason: text({ min: 1, max: reasonCharactersMax }) })
  .meta({ id: 'HandOverSession' })

export const handOverSession = defineOperation({
  id: 'hand-over-session',
  method: 'POST',
  path: '/v1/sessions/{id}/hand-over',
  summary: 'Stop the agent of a session, and hand it to a person; a second time changes nothing',
  roles: ['operator', 'approver'],
  params: idParams,
  body,
  reply: handoverSchema,
  errors: ['request.not_found', 'session.closed'],
  run: async ({ db, organisationId, operator }, { params, body: { reason } }) => {
    const { operatorId } = operator
    const asked = { sessionId: params.id, cause: operatorCause, operatorId, reason }
    return presentHandover(
      await runCommand(db, organisationId, (tx) => handOver(tx, organisationId, asked)),
    )
  },
})
