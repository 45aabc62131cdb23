// GET /v1/operators
import type { OperatorPage } from '@airworthy/sdk'
import { z } from 'zod'
import { listOperators as readOperators } from '../../store/identity/operators.ts'
import { defineOperation } from '../operation.ts'
import { id, nextOf, page } from '../schemas.ts'
import { operatorSchema, presentOperator } from './operator.ts'

const reply: z.ZodType<OperatorPage> = z
  .object({ operators: z.array(operatorSchema), next: id.nullable() })
  .meta({ id: 'OperatorPage' })

export const listOperators = defineOperation({
  id: 'list-operators',
  method: 'GET',
  path: '/v1/operators',
  summary: 'List operators and launchers, revoked ones too',
  roles: ['operator', 'auditor'],
  query: z.strictObject(page),
  reply,
  errors: [],
  run: async ({ db, organisationId }, { query }) => {
    const rows = await readOperators(db, organisationId, {
      after: query.after,
      limit: query.limit,
    })
    const ids = rows.map((row) => row.operatorId)
    return { operators: rows.map(presentOperator), next: nextOf(ids, query.limit) }
  },
})
