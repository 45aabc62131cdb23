// GET /v1/kills
import type { KillPage } from '@airworthy/sdk'
import { z } from 'zod'
import { listKills as readKills } from '../../store/kills/kills.ts'
import { defineOperation } from '../operation.ts'
import { id, limit, nextOf } from '../schemas.ts'
import { killSchema, presentKill } from './kill.ts'

const reply: z.ZodType<KillPage> = z
  .object({ kills: z.array(killSchema), next: id.nullable() })
  .meta({ id: 'KillPage' })

export const listKills = defineOperation({
  id: 'list-kills',
  method: 'GET',
  path: '/v1/kills',
  summary: 'List kills, the newest first; with `state=in_force` only what stops something now',
  roles: ['operator', 'approver', 'auditor'],
  query: z.strictObject({
    before: id.exactOptional().meta({ description: '`next` of the last page.' }),
    limit,
    state: z.enum(['in_force', 'all']).default('all'),
  }),
  reply,
  errors: [],
  run: async ({ db, organisationId }, { query }) => {
    const isInForce = query.state === 'in_force'
    const kills = await readKills(db, organisationId, {
      isInForce,
      before: query.before,
      limit: query.limit,
    })
    const ids = kills.map((kill) => kill.killId)
    return { kills: kills.map(presentKill), next: nextOf(ids, query.limit) }
  },
})
