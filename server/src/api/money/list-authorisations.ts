// GET /v1/authorisations
import type { AuthorisationPage } from '@airworthy/sdk'
import { z } from 'zod'
import { majorText } from '../../core/money/asset.ts'
import { listAuthorisations as readAuthorisations } from '../../store/money/money-authorisations.ts'
import { defineOperation } from '../operation.ts'
import { id, nextOf, page, time } from '../schemas.ts'

const reply: z.ZodType<AuthorisationPage> = z
  .object({
    authorisations: z.array(
      z.object({
        callId: id,
        action: z.string(),
        agentId: id,
        asset: z.string(),
        amount: z.string(),
        openedAt: time,
      }),
    ),
    next: id.nullable(),
  })
  .meta({ id: 'AuthorisationPage' })

export const listAuthorisations = defineOperation({
  id: 'list-authorisations',
  method: 'GET',
  path: '/v1/authorisations',
  summary: 'List the money that is set aside, and neither captured nor voided',
  roles: ['operator', 'auditor'],
  query: z.strictObject(page),
  reply,
  errors: [],
  run: async ({ db, organisationId }, { query: { after, limit } }) => {
    const open = await readAuthorisations(db, organisationId, { after, limit })
    const authorisations = open.map((each) => ({
      callId: each.callId,
      action: each.action,
      agentId: each.agentId,
      asset: each.asset,
      amount: majorText(each.minor, each.decimals),
      openedAt: each.openedAt.toISOString(),
    }))
    const ids = open.map(({ callId }) => callId)
    return { authorisations, next: nextOf(ids, limit) }
  },
})
