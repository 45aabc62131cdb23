// GET /v1/handovers/{id}
import type { HandoverDetail } from '@airworthy/sdk'
import { z } from 'zod'
import { readStanding, type StandingCall } from '../../store/handover/handover-standing.ts'
import { requireHandover } from '../../store/handover/handovers.ts'
import { effectSchema, presentEffect } from '../effects/effect.ts'
import { defineOperation } from '../operation.ts'
import { presentRun, runSchema } from '../runs/run.ts'
import { id, idParams, time } from '../schemas.ts'
import { presentSession, requireSession, sessionSchema } from '../sessions/session.ts'
import { handoverSchema, presentHandover } from './handover.ts'

const call = z.object({ callId: id, action: z.string(), state: z.string(), at: time })

const reply: z.ZodType<HandoverDetail> = z
  .object({
    handover: handoverSchema,
    session: sessionSchema,
    lastTool: call.nullable(),
    lastModel: call.nullable(),
    holds: z.array(z.object({ holdId: id, callId: id, action: z.string(), until: time })),
    openEffects: z.array(effectSchema),
    runs: z.array(runSchema),
    messages: z.int(),
  })
  .meta({ id: 'HandoverDetail' })

export const showHandover = defineOperation({
  id: 'show-handover',
  method: 'GET',
  path: '/v1/handovers/{id}',
  summary: 'Show where the agent stood: its task, its last calls, and what is not at its end',
  roles: ['operator', 'approver', 'auditor'],
  params: idParams,
  reply,
  errors: ['handover.unknown'],
  run: async ({ db, organisationId }, { params }) => {
    const handover = await requireHandover(db, organisationId, params.id)
    const session = await requireSession(db, organisationId, handover.sessionId)
    const standing = await readStanding(db, organisationId, handover)
    return {
      handover: presentHandover(handover),
      session: presentSession(session),
      lastTool: presentLast(standing.lastTool),
      lastModel: presentLast(standing.lastModel),
      holds: standing.holds.map((hold) => ({ ...hold, until: hold.until.toISOString() })),
      openEffects: standing.openEffects.map(presentEffect),
      runs: standing.runs.map(presentRun),
      messages: standing.messages,
    }
  },
})

function presentLast(last: StandingCall | undefined): HandoverDetail['lastTool'] {
  return last === undefined ? null : { ...last, at: last.at.toISOString() }
}
