// GET /v1/effects
import type { EffectPage } from '@airworthy/sdk'
import { z } from 'zod'
import { listEffects as readEffects } from '../../store/calls/effects.ts'
import { defineOperation } from '../operation.ts'
import { id, nextOf, page } from '../schemas.ts'
import { effectSchema, effectStateSchema, presentEffect } from './effect.ts'

const reply: z.ZodType<EffectPage> = z
  .object({ effects: z.array(effectSchema), next: id.nullable() })
  .meta({ id: 'EffectPage' })

export const listEffects = defineOperation({
  id: 'list-effects',
  method: 'GET',
  path: '/v1/effects',
  summary: 'List effects, such as those whose outcome is unknown',
  roles: ['operator', 'auditor'],
  query: z.strictObject({ ...page, state: effectStateSchema.exactOptional() }),
  reply,
  errors: [],
  run: async ({ db, organisationId }, { query }) => {
    const { after, limit, state } = query
    const rows = await readEffects(db, organisationId, { state, after, limit })
    const ids = rows.map((row) => row.effectId)
    return { effects: rows.map(presentEffect), next: nextOf(ids, limit) }
  },
})
