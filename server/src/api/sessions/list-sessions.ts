// GET /v1/sessions
import type { SessionPage } from '@airworthy/sdk'
import { z } from 'zod'
import { listSessions as readSessions } from '../../store/sessions.ts'
import { requireAgent } from '../agents/agent.ts'
import { defineOperation } from '../operation.ts'
import { agentIdOrName, id, nextOf, page } from '../schemas.ts'
import { presentSession, sessionSchema } from './session.ts'

const reply: z.ZodType<SessionPage> = z
  .object({ sessions: z.array(sessionSchema), next: id.nullable() })
  .meta({ id: 'SessionPage' })

export const listSessions = defineOperation({
  id: 'list-sessions',
  method: 'GET',
  path: '/v1/sessions',
  summary: 'List sessions in the order of their opening',
  roles: ['operator', 'launcher'],
  query: z.strictObject({
    ...page,
    agent: agentIdOrName.exactOptional(),
    state: z.enum(['open', 'handed_over', 'closed']).exactOptional(),
  }),
  reply,
  errors: ['agent.unknown'],
  run: async ({ db, organisationId }, { query }) => {
    const { after, limit, state } = query
    const agentId =
      query.agent === undefined
        ? undefined
        : (await requireAgent(db, organisationId, query.agent)).agentId
    const rows = await readSessions(db, organisationId, { agentId, state, after, limit })
    const ids = rows.map((row) => row.sessionId)
    return { sessions: rows.map(presentSession), next: nextOf(ids, limit) }
  },
})
