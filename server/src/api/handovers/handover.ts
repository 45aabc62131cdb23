// Handovers as the wire shows them.
import type { Handover } from '@airworthy/sdk'
import { z } from 'zod'
import { handoverStates } from '../../core/handover/handover.ts'
import type { Handover as HandoverRow } from '../../store/handover/handovers.ts'
import { id, time } from '../schemas.ts'

export const handoverStateSchema = z.enum(['open', 'taken', 'returned', 'closed'])

export const handoverSchema = z
  .object({
    id,
    sessionId: id,
    agentId: id,
    agent: z.string(),
    task: z.string(),
    endUser: z.string(),
    cause: z.string().meta({ description: '`operator`, or the rule that handed it over.' }),
    callId: id.nullable(),
    reason: z.string(),
    state: handoverStateSchema,
    takenBy: z.string().nullable(),
    openedAt: time,
    takenAt: time.nullable(),
    endedAt: time.nullable(),
  })
  .meta({ id: 'Handover' }) satisfies z.ZodType<Handover>

export const handoverFilter = z.enum(['live', 'all', ...handoverStateSchema.options])

export function statesOf(filter: z.infer<typeof handoverFilter>): readonly Handover['state'][] {
  if (filter === 'all') return handoverStates
  return filter === 'live' ? ['open', 'taken'] : [filter]
}

export function presentHandover(row: HandoverRow): Handover {
  return {
    id: row.handoverId,
    sessionId: row.sessionId,
    agentId: row.agentId,
    agent: row.agentName,
    task: row.task,
    endUser: row.endUser,
    cause: row.cause,
    callId: row.callId ?? null,
    reason: row.reason,
    state: row.state,
    takenBy: row.takenByName ?? null,
    openedAt: row.openedAt.toISOString(),
    takenAt: row.takenAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
  }
}
