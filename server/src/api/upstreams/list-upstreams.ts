// GET /v1/upstreams
import type { UpstreamList } from '@airworthy/sdk'
import { z } from 'zod'
import { defineOperation } from '../operation.ts'

/** Of the process that answers: health is its own view. */
const moment = z.iso.datetime().meta({ description: "The gateway process's clock." })

const key = z.object({
  env: z.string().nullable(),
  state: z.enum(['ready', 'rate-limited', 'refused']),
  until: moment.nullable(),
})

const upstream = z
  .object({
    upstream: z.string(),
    model: z.string(),
    usedAs: z.array(z.string()),
    state: z.enum(['closed', 'open', 'half-open']),
    since: moment,
    lastError: z.object({ what: z.string(), at: moment }).nullable(),
    nextProbeAt: moment.nullable(),
    restsUntil: moment.nullable(),
    inFlight: z.number(),
    firstByteMs: z.number().nullable(),
    calls: z.number(),
    errors: z.number(),
    ejections: z.number(),
    lastCallAt: moment.nullable(),
    keys: z.array(key),
    check: z.object({ path: z.string(), at: moment, isUp: z.boolean() }).nullable(),
  })
  .meta({ id: 'Upstream' })

const reply: z.ZodType<UpstreamList> = z
  .object({
    replica: z.string().nullable(),
    at: moment,
    admission: z.object({
      running: z.number(),
      waiting: z.number(),
      concurrencyMax: z.number(),
    }),
    upstreams: z.array(upstream),
  })
  .meta({ id: 'UpstreamList' })

export const listUpstreams = defineOperation({
  id: 'list-upstreams',
  method: 'GET',
  path: '/v1/upstreams',
  summary: 'The health of model upstreams, as the gateway process that answers sees it',
  roles: ['operator', 'auditor'],
  reply,
  errors: [],
  run: async ({ upstreams }) => upstreams.list(),
})
