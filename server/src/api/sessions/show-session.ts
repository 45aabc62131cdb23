// GET /v1/sessions/{id}
import type { SessionDetail } from '@airworthy/sdk'
import { z } from 'zod'
import { listBudgets } from '../../store/budgets/budgets.ts'
import { listCallsOfSession } from '../../store/calls/calls.ts'
import { listEffectsOfCalls } from '../../store/calls/effects.ts'
import { budgetSchema, presentBudget } from '../agents/agent.ts'
import { callSchema, presentCall } from '../calls/call.ts'
import { effectSchema, presentEffect } from '../effects/effect.ts'
import { defineOperation } from '../operation.ts'
import { id, idParams, nextOf } from '../schemas.ts'
import { presentSession, requireSession, sessionSchema } from './session.ts'

const callsMax = 1_000

const reply: z.ZodType<SessionDetail> = z
  .object({
    session: sessionSchema,
    budgets: z.array(budgetSchema),
    calls: z.array(callSchema),
    callsNext: id.nullable(),
    effects: z.array(effectSchema),
  })
  .meta({ id: 'SessionDetail' })

export const showSession = defineOperation({
  id: 'show-session',
  method: 'GET',
  path: '/v1/sessions/{id}',
  summary: 'Show a session with its budgets, calls and effects',
  roles: ['operator', 'launcher'],
  params: idParams,
  query: z.strictObject({
    callsAfter: id.exactOptional().meta({ description: '`callsNext` of the last reply.' }),
  }),
  reply,
  errors: ['request.not_found'],
  run: async ({ db, organisationId }, { params, query }) => {
    const session = await requireSession(db, organisationId, params.id)
    const [budgets, calls] = await Promise.all([
      listBudgets(db, organisationId, [session.sessionId]),
      listCallsOfSession(db, organisationId, {
        sessionId: session.sessionId,
        after: query.callsAfter,
        limit: callsMax,
      }),
    ])
    const callIds = calls.map((call) => call.callId)
    const effects = await listEffectsOfCalls(db, organisationId, callIds)
    return {
      session: presentSession(session),
      budgets: budgets.map(presentBudget),
      calls: calls.map(presentCall),
      callsNext: nextOf(callIds, callsMax),
      effects: effects.map(presentEffect),
    }
  },
})
