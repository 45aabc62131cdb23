// How the control API shows what is known of the caches.
import type { CachePair, CacheStanding } from '@airworthy/sdk'
import { z } from 'zod'
import { standingOf } from '../../core/cache/false-hits.ts'
import type { PairRow, StandingRow } from '../../store/models/model-cache-evidence.ts'
import { id, time } from '../schemas.ts'

export const modeSchema = z.enum(['shadow', 'live'])
export const verdictSchema = z.enum(['agree', 'differ', 'unsure'])

export const standingSchema: z.ZodType<CacheStanding> = z
  .object({
    agentId: id,
    model: z.string(),
    make: z.string().meta({ description: 'How texts are embedded, and which words may differ.' }),
    mode: modeSchema,
    agree: z.int(),
    differ: z.int(),
    unsure: z.int().meta({ description: 'Counted as false until reviewed.' }),
    rate: z.number().nullable(),
    upperBound: z.number(),
    falseHitRateMax: z.number(),
    isWithinBudget: z.boolean(),
    changedAt: time,
  })
  .meta({ id: 'CacheStanding' })

export function presentStanding(row: StandingRow): CacheStanding {
  const { changedAt, ...shown } = row
  const { rate, upperBound, isWithinBudget } = standingOf(row, row.falseHitRateMax)
  return {
    ...shown,
    rate: rate ?? null,
    upperBound,
    isWithinBudget,
    changedAt: changedAt.toISOString(),
  }
}

export const pairSchema: z.ZodType<CachePair> = z
  .object({
    id,
    agentId: id,
    agent: z.string(),
    model: z.string(),
    make: z.string(),
    callId: id,
    cachedCallId: id,
    similarity: z.number(),
    kind: z.enum(['shadow', 'sample']),
    verdict: verdictSchema,
    reviewedAt: time.nullable(),
    createdAt: time,
  })
  .meta({ id: 'CachePair' })

export function presentPair(row: PairRow): CachePair {
  const { pairId, agentName, reviewedAt, createdAt, ...shown } = row
  return {
    ...shown,
    id: pairId,
    agent: agentName,
    reviewedAt: reviewedAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  }
}
