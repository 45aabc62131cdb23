// GET /v1/holds/{id}/votes
import type { HoldVote, HoldVotes } from '@airworthy/sdk'
import { z } from 'zod'
import { type CastVote, listVotes as readVotes } from '../../store/holds/cast-votes.ts'
import { defineOperation } from '../operation.ts'
import { idParams, time } from '../schemas.ts'
import { requireHold } from './hold.ts'

const voteSchema: z.ZodType<HoldVote> = z
  .object({
    operator: z.string(),
    vote: z.enum(['approve', 'reject']),
    round: z.int(),
    level: z.int(),
    levels: z.array(z.int()),
    reason: z.string(),
    castAt: time,
    statement: z.string().nullable(),
    signature: z.string().nullable(),
    key: z.string().nullable(),
  })
  .meta({ id: 'HoldVote' })

const reply: z.ZodType<HoldVotes> = z
  .object({ votes: z.array(voteSchema) })
  .meta({ id: 'HoldVotes' })

export const listVotes = defineOperation({
  id: 'list-votes',
  method: 'GET',
  path: '/v1/holds/{id}/votes',
  summary: 'List the votes about a hold, of all its rounds, with what was signed',
  roles: ['operator', 'approver', 'auditor'],
  params: idParams,
  reply,
  errors: ['hold.unknown'],
  run: async (context, { params }) => {
    const { db, organisationId } = context
    await requireHold(context, params.id)
    const votes = await readVotes(db, organisationId, params.id)
    return { votes: votes.map(presentVote) }
  },
})

function presentVote(cast: CastVote): HoldVote {
  return {
    operator: cast.operatorName,
    vote: cast.vote,
    round: cast.round,
    level: cast.level,
    levels: cast.levels,
    reason: cast.reason,
    castAt: cast.castAt.toISOString(),
    statement: cast.statement,
    signature: cast.signature?.toString('base64url') ?? null,
    key: cast.thumbprint,
  }
}
