// POST /v1/cache/pairs/{id}/review
import type { ReviewCachePair } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { reviewPair } from '../../store/models/model-cache-evidence.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { pairSchema, presentPair } from './cache.ts'

const body: z.ZodType<ReviewCachePair> = z
  .strictObject({ verdict: z.enum(['agree', 'differ']) })
  .meta({ id: 'ReviewCachePair' })

export const reviewCachePair = defineOperation({
  id: 'review-cache-pair',
  method: 'POST',
  path: '/v1/cache/pairs/{id}/review',
  summary: 'Say whether a cached reply would have done in place of the real one',
  roles: ['operator'],
  params: idParams,
  body,
  reply: pairSchema,
  errors: ['cache.pair_unknown'],
  run: async ({ db, organisationId, operator }, { params, body: { verdict } }) => {
    const review = { pairId: params.id, verdict, operatorId: operator.operatorId }
    const row = await reviewPair(db, organisationId, review)
    if (row === undefined) {
      throw new AirworthyError('cache.pair_unknown', `there is no pair ${params.id}`)
    }
    return presentPair(row)
  },
})
