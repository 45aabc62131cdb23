// GET /v1/escalation/report
import type { EscalationReport } from '@airworthy/sdk'
import { z } from 'zod'
import { triggers } from '../../core/escalation/escalation.ts'
import { firingsKeptDays } from '../../core/escalation/kept.ts'
import { reportFirings } from '../../store/calls/escalation-report.ts'
import { requireAgent } from '../agents/agent.ts'
import { defineOperation } from '../operation.ts'
import { agentIdOrName, time } from '../schemas.ts'

const daysDefault = 30
const dayMs = 86_400_000

const counts = {
  fired: z.number(),
  held: z.number(),
  handedOver: z.number(),
  recorded: z.number(),
  denied: z.number(),
  approved: z.number(),
  rejected: z.number(),
  expired: z.number(),
  waiting: z.number(),
  cancelled: z.number(),
}
const trigger = z.enum(triggers)

const reply: z.ZodType<EscalationReport> = z
  .object({
    since: time,
    calls: z.number(),
    triggers: z.array(z.object({ trigger, ...counts })),
    codes: z.array(z.object({ trigger, code: z.string(), ...counts })),
    patterns: z.array(
      z.object({
        trigger,
        agent: z.string(),
        task: z.string().nullable(),
        action: z.string(),
        ...counts,
      }),
    ),
  })
  .meta({ id: 'EscalationReport' })

export const reportEscalation = defineOperation({
  id: 'report-escalation',
  method: 'GET',
  path: '/v1/escalation/report',
  summary: 'Show which triggers asked for people, where, and what people decided',
  roles: ['operator', 'auditor'],
  query: z.strictObject({
    days: z.coerce.number<string>().int().min(1).max(firingsKeptDays).default(daysDefault),
    agent: agentIdOrName.optional(),
  }),
  reply,
  errors: ['agent.unknown'],
  run: async ({ db, organisationId }, { query }) => {
    const agent =
      query.agent === undefined ? undefined : await requireAgent(db, organisationId, query.agent)
    const sinceMs = Date.now() - query.days * dayMs
    const found = await reportFirings(db, organisationId, { sinceMs, agentId: agent?.agentId })
    return { since: new Date(sinceMs).toISOString(), ...found }
  },
})
