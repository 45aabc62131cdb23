// POST /v1/cache/mode
import type { SetCacheMode } from '@airworthy/sdk'
import { z } from 'zod'
import type { Standing } from '../../core/cache/false-hits.ts'
import { AirworthyError } from '../../core/errors.ts'
import { setMode } from '../../store/models/model-cache-evidence.ts'
import { readCacheStats } from '../../store/models/model-cache-stats.ts'
import { requireAgent } from '../agents/agent.ts'
import { defineOperation } from '../operation.ts'
import { agentIdOrName, text } from '../schemas.ts'
import { modeSchema, presentStanding, standingSchema } from './cache.ts'

const body: z.ZodType<SetCacheMode> = z
  .strictObject({
    agent: agentIdOrName,
    model: text({ min: 1, max: 128 }),
    mode: modeSchema,
    make: text({ min: 1, max: 400 }).exactOptional(),
  })
  .meta({ id: 'SetCacheMode' })

export const setCacheMode = defineOperation({
  id: 'set-cache-mode',
  method: 'POST',
  path: '/v1/cache/mode',
  summary: 'Let the semantic cache of a model answer, or only watch',
  roles: ['operator'],
  body,
  reply: standingSchema,
  errors: ['agent.unknown', 'cache.unknown', 'cache.evidence_missing'],
  run: async ({ db, organisationId, operator }, { body: request }) => {
    const { agentId } = await requireAgent(db, organisationId, request.agent)
    const { model, mode } = request
    const { standings } = await readCacheStats(db, organisationId, agentId)
    const found = standings.filter(
      (row) => row.model === model && (request.make ?? row.make) === row.make,
    )
    const [only, ...others] = found
    if (only === undefined) throw unknown(`there is no evidence of a semantic cache of ${model}`)
    if (others.length > 0) {
      const makes = found.map((row) => row.make)
      throw unknown(`${model} has evidence of ${found.length} makes: name one`, { makes })
    }
    const { operatorId } = operator
    const of = { agentId, model, make: only.make, mode, operatorId }
    const set = await setMode(db, organisationId, { ...of, mayGoLive: refuseWithoutEvidence })
    if (set === undefined) throw unknown('the evidence is gone')
    return presentStanding(set)
  },
})

function unknown(message: string, detail?: Readonly<Record<string, unknown>>): AirworthyError {
  return new AirworthyError('cache.unknown', message, detail === undefined ? {} : { detail })
}

function refuseWithoutEvidence({ isWithinBudget, pairs, upperBound }: Standing): void {
  if (isWithinBudget) return
  const message = `after ${pairs} pairs the rate of false hits may still be ${upperBound.toFixed(4)}`
  throw new AirworthyError('cache.evidence_missing', message, { detail: { pairs, upperBound } })
}
