// POST /v1/operators/{id}/teams
import type { SetTeams } from '@airworthy/sdk'
import { z } from 'zod'
import { setTeams as writeTeams } from '../../store/identity/operators.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { operatorSchema, presentOperator, teamsSchema } from './operator.ts'
import { operatorId, requireOperator } from './operator-params.ts'

const body: z.ZodType<SetTeams> = z.strictObject({ teams: teamsSchema }).meta({ id: 'SetTeams' })

export const setTeams = defineOperation({
  id: 'set-teams',
  method: 'POST',
  path: '/v1/operators/{id}/teams',
  summary: 'Say which teams an operator is of; approvals may be asked of teams',
  roles: ['admin'],
  params: z.strictObject({ id: operatorId }),
  body,
  reply: operatorSchema,
  errors: ['request.not_found'],
  run: (context, { params, body: request }) =>
    runCommand(context.db, context.organisationId, async (tx) => {
      const asking = { ...context, db: tx }
      const { operatorId: changed } = await requireOperator(asking, params.id)
      const teams = [...new Set(request.teams)]
      const by = context.operator.operatorId
      await writeTeams(tx, context.organisationId, { operatorId: changed, teams, by })
      return presentOperator(await requireOperator(asking, changed))
    }),
})
