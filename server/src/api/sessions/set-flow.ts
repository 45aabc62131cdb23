// POST /v1/sessions/{id}/flow: an operator or launcher opens or closes the write flow of a session.
import type { SetFlow } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { setFlow as writeFlow } from '../../store/sessions.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { idParams, text } from '../schemas.ts'
import { presentSession, requireSession, sessionSchema } from './session.ts'

const body: z.ZodType<SetFlow> = z
  .strictObject({
    flow: z.enum(['read', 'write']).meta({
      description: '`write` opens the write flow; `read` closes it until it is opened here again.',
    }),
    reason: text({ max: 500 }).exactOptional(),
  })
  .meta({ id: 'SetFlow' })

export const setFlow = defineOperation({
  id: 'set-flow',
  method: 'POST',
  path: '/v1/sessions/{id}/flow',
  summary: 'Open or close the write flow of a session',
  roles: ['operator', 'launcher'],
  params: idParams,
  body,
  reply: sessionSchema,
  errors: ['request.not_found', 'session.closed'],
  run: async ({ db, organisationId, operator }, { params, body: request }) =>
    runCommand(db, organisationId, async (tx) => {
      const session = await requireSession(tx, organisationId, params.id)
      if (session.state === 'closed') {
        throw new AirworthyError('session.closed', 'the session is closed')
      }
      await writeFlow(tx, organisationId, {
        session,
        operatorId: operator.operatorId,
        flow: request.flow,
        reason: request.reason ?? '',
      })
      return presentSession(await requireSession(tx, organisationId, params.id))
    }),
})
