// GET /v1/holds/{id}/ballot
import type { Ballot, HoldBallot } from '@airworthy/sdk'
import { z } from 'zod'
import { readFullHold } from '../../store/holds/hold-rows.ts'
import { ballotOf } from '../../store/holds/vote-checks.ts'
import { AirworthyError } from '../../core/errors.ts'
import { defineOperation } from '../operation.ts'
import { id, idParams } from '../schemas.ts'

const ballotSchema: z.ZodType<Ballot> = z
  .object({
    organisation: id,
    hold: id,
    round: z.int(),
    level: z.int(),
    call: id,
    operator: id,
    args: z.string(),
    schema: z.string(),
    pact: id,
    facts: z.string(),
  })
  .meta({ id: 'Ballot', description: 'Every member is in the statement that a vote signs.' })

const reply: z.ZodType<HoldBallot> = z
  .object({
    ballot: ballotSchema,
    facts: z.unknown().meta({ description: 'Canonical JSON of it hashes to ballot.facts.' }),
  })
  .meta({ id: 'HoldBallot' })

export const showBallot = defineOperation({
  id: 'show-ballot',
  method: 'GET',
  path: '/v1/holds/{id}/ballot',
  summary: 'What a signed vote about a hold has to say, and the facts that it binds',
  roles: ['operator', 'approver'],
  params: idParams,
  reply,
  errors: ['hold.unknown'],
  run: async ({ db, organisationId, operator }, { params }) => {
    const hold = await readFullHold(db, organisationId, params.id)
    if (hold === undefined)
      throw new AirworthyError('hold.unknown', `there is no hold ${params.id}`)
    const { operatorId } = operator
    return {
      ballot: ballotOf(hold, { organisationId, operatorId }),
      facts: hold.facts ?? null,
    }
  },
})
