// POST /v1/audit/legal-holds
import type { PlaceLegalHold } from '@airworthy/sdk'
import { z } from 'zod'
import { reasonCharactersMax } from '../../core/audit/reason.ts'
import { findLegalHold, placeLegalHold as writeHold } from '../../store/audit/legal-holds.ts'
import { runCommand } from '../../store/transaction.ts'
import { requireAgent } from '../agents/agent.ts'
import { defineOperation } from '../operation.ts'
import { agentIdOrName, text } from '../schemas.ts'
import { legalHoldSchema, presentLegalHold } from './legal-hold.ts'

const body: z.ZodType<PlaceLegalHold> = z
  .strictObject({
    agent: agentIdOrName.exactOptional(),
    subject: text({ min: 1, max: 1_000 }).exactOptional(),
    reason: text({ min: 1, max: reasonCharactersMax }),
  })
  .refine((value) => value.agent === undefined || value.subject === undefined, {
    error: 'a legal hold is of an agent, of a subject, or of everything',
  })
  .meta({ id: 'PlaceLegalHold' })

export const placeLegalHold = defineOperation({
  id: 'place-legal-hold',
  method: 'POST',
  path: '/v1/audit/legal-holds',
  summary: 'Keep the records of a subject, of an agent or of everyone until released',
  roles: ['admin'],
  body,
  reply: legalHoldSchema,
  errors: ['agent.unknown'],
  run: async ({ db, organisationId, operator, subjectIds }, { body: request }) => {
    const { agent, subject, reason } = request
    const agentId =
      agent === undefined ? undefined : (await requireAgent(db, organisationId, agent)).agentId
    const subjectId = subject === undefined ? undefined : (await subjectIds(subject)).at(-1)
    const scope = agent === undefined ? (subject === undefined ? 'everything' : 'subject') : 'agent'
    const placed = { scope, agentId, subjectId, reason, operatorId: operator.operatorId } as const
    const row = await runCommand(db, organisationId, async (tx) =>
      findLegalHold(tx, organisationId, await writeHold(tx, organisationId, placed)),
    )
    if (row === undefined) throw new Error('a legal hold that was just placed cannot be read')
    return presentLegalHold(row)
  },
})
