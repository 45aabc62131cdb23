// POST /v1/limits/{name}/remove
import type { LimitRemoval, RemoveLimit } from '@airworthy/sdk'
import { z } from 'zod'
import { removeLimit as proposeRemoval } from '../../store/money/money-limits.ts'
import { defineOperation } from '../operation.ts'
import { id, text } from '../schemas.ts'
import { nameParams } from './limit.ts'

const body: z.ZodType<RemoveLimit> = z
  .strictObject({ reason: text({ min: 1, max: 1000 }) })
  .meta({ id: 'RemoveLimit' })

const reply: z.ZodType<LimitRemoval> = z
  .object({ name: z.string(), proposal: id })
  .meta({ id: 'LimitRemoval' })

export const removeLimit = defineOperation({
  id: 'remove-limit',
  method: 'POST',
  path: '/v1/limits/{name}/remove',
  summary: 'Propose that a limit on money ends: it holds until another operator confirms',
  roles: ['operator'],
  params: nameParams,
  body,
  reply,
  errors: ['limit.unknown', 'proposal.too_many'],
  run: async ({ db, organisationId, operator }, { params, body: { reason } }) => {
    const { name } = params
    const command = { name, reason, operatorId: operator.operatorId }
    const proposal = await proposeRemoval(db, organisationId, command)
    return { name, proposal: proposal.proposalId }
  },
})
