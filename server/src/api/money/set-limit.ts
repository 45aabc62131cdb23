// POST /v1/limits/{name}
import type { LimitSet, SetLimit } from '@airworthy/sdk'
import { z } from 'zod'
import { setLimit as storeLimit } from '../../store/money/money-limits.ts'
import { windowSchema } from '../budgets/budget.ts'
import { defineOperation } from '../operation.ts'
import { text } from '../schemas.ts'
import { kindSchema, limitSchema, nameParams, requireLimit, scopeSchema } from './limit.ts'
import { readSetting } from './read-setting.ts'

const listMax = 500
const ledgersShown = 10

const glob = text({ min: 1, max: 200 }).regex(/^[^\s]+$/, {
  error: 'expected a glob of server/tool, such as bank/*',
})

const body: z.ZodType<SetLimit> = z
  .strictObject({
    kind: kindSchema,
    scope: scopeSchema,
    subject: text({ min: 1, max: 200 }).exactOptional(),
    asset: text({ min: 3, max: 300 }).exactOptional(),
    max: z
      .string()
      .regex(/^(0|[1-9]\d{0,77})(\.\d{1,36})?$/, { error: 'expected a sum such as 100.00' })
      .exactOptional(),
    countMax: z.int().min(0).exactOptional(),
    window: windowSchema.exactOptional(),
    actions: z.array(glob).min(1).max(100).exactOptional(),
    counterparties: z
      .array(text({ min: 1, max: 512 }))
      .max(listMax)
      .exactOptional(),
    converts: z.boolean().exactOptional(),
    eachCounterparty: z.boolean().exactOptional(),
    refundsRefill: z.boolean().exactOptional(),
    reason: text({ min: 1, max: 1000 }).exactOptional(),
  })
  .meta({ id: 'SetLimit' })

const reply: z.ZodType<LimitSet> = z
  .object({
    limit: limitSchema,
    created: z.boolean(),
    proposal: z.uuid().nullable(),
    loosened: z.array(z.string()),
  })
  .meta({ id: 'LimitSet' })

export const setLimit = defineOperation({
  id: 'set-limit',
  method: 'POST',
  path: '/v1/limits/{name}',
  summary: 'Make a limit on money, tighten it, or propose to loosen it',
  roles: ['operator'],
  params: nameParams,
  body,
  reply,
  errors: [
    'agent.unknown',
    'limit.shape_fixed',
    'limit.too_many',
    'money.asset_unknown',
    'proposal.too_many',
  ],
  run: async (context, { params, body: request }) => {
    const { db, organisationId, operator } = context
    const { name } = params
    const { shape, terms } = await readSetting(context, request)
    const { operatorId } = operator
    const set = await storeLimit(db, organisationId, {
      name,
      shape,
      terms,
      operatorId,
      reason: request.reason,
    })
    const limit = await requireLimit(db, organisationId, { name, ledgersMax: ledgersShown })
    if (set.kind === 'set') return { limit, created: set.isNew, proposal: null, loosened: [] }
    const { proposalId: proposal } = set.proposal
    return { limit, created: false, proposal, loosened: [...set.loosened] }
  },
})
