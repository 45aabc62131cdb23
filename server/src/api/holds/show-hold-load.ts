// GET /v1/holds/load
import type { AnswerTimes, HoldLoad } from '@airworthy/sdk'
import { z } from 'zod'
import { measureLoad, type RepeatedApproval, type Times } from '../../core/approval/load.ts'
import { suggestRules } from '../../core/approval/suggest-rule.ts'
import { parseManifest } from '../../core/pact/manifest.ts'
import {
  countCanaries,
  countWaiting,
  listCastVotes,
  listDecidedHolds,
  reportedMax,
} from '../../store/holds/approval-load.ts'
import { findPact } from '../../store/pacts.ts'
import { type Context, defineOperation } from '../operation.ts'
import { amount, time } from '../schemas.ts'

const daysMax = 366
const daysDefault = 30

const count = z.int().min(0)
const answer = z.object({ p50Seconds: z.number(), p90Seconds: z.number() }).nullable()

const reply: z.ZodType<HoldLoad> = z
  .object({
    days: count,
    isCut: z.boolean(),
    waiting: z.object({ count, oldestAt: time.nullable() }),
    approved: count,
    rejected: count,
    expired: count,
    answer,
    people: z.array(
      z.object({
        operator: z.string(),
        approved: count,
        rejected: count,
        approvedPercent: count,
        answer,
        fast: count,
        unseen: count,
        canaries: z.object({ approved: count, rejected: count }),
        warnings: z.array(z.enum(['fast', 'always', 'canary'])),
      }),
    ),
    repeated: z.array(
      z.object({
        agent: z.string(),
        action: z.string(),
        rules: z.array(z.string()),
        approved: count,
        expired: count,
        amountMax: amount.nullable(),
        suggestion: z.string().nullable(),
      }),
    ),
    canaries: z.object({
      planted: count,
      approved: count,
      rejected: count,
      expired: count,
      pending: count,
    }),
  })
  .meta({ id: 'HoldLoad' })

export const showHoldLoad = defineOperation({
  id: 'show-hold-load',
  method: 'GET',
  path: '/v1/holds/load',
  summary: 'How approvals weigh on people: times, who only says yes, what a rule could say',
  roles: ['auditor'],
  query: z.strictObject({
    days: z.coerce.number<string>().int().min(1).max(daysMax).default(daysDefault),
  }),
  reply,
  errors: [],
  run: async (context, { query: { days } }) => {
    const { db, organisationId } = context
    const [holds, votes, waiting, canaries] = await Promise.all([
      listDecidedHolds(db, organisationId, { days }),
      listCastVotes(db, organisationId, { days }),
      countWaiting(db, organisationId),
      countCanaries(db, organisationId, { days }),
    ])
    const load = measureLoad({ holds, votes })
    return {
      days,
      isCut: Math.max(holds.length, votes.length) >= reportedMax,
      waiting: { count: waiting.count, oldestAt: waiting.oldestAt?.toISOString() ?? null },
      approved: load.approved,
      rejected: load.rejected,
      expired: load.expired,
      answer: presentTimes(load.answer),
      people: load.people.map((person) => ({ ...person, answer: presentTimes(person.answer) })),
      repeated: await Promise.all(
        load.repeated.slice(0, repeatedMax).map((each) => presentRepeated(context, each, days)),
      ),
      canaries,
    }
  },
})

/** Each is a text for a person to read. */
const repeatedMax = 50

function presentTimes(times: Times | undefined): AnswerTimes | null {
  return times === undefined
    ? null
    : { p50Seconds: times.p50Ms / 1000, p90Seconds: times.p90Ms / 1000 }
}

async function presentRepeated(
  { db, organisationId }: Context,
  repeated: RepeatedApproval,
  days: number,
): Promise<HoldLoad['repeated'][number]> {
  const { amountMax, pactId, ...more } = repeated
  const { manifest } = await findPact(db, organisationId, pactId)
  const parsed = parseManifest(manifest, 'enrolled')
  const permissions = parsed.kind === 'ok' ? parsed.manifest.pact.permissions : []
  return {
    ...more,
    amountMax:
      typeof amountMax === 'string'
        ? null
        : { minorUnits: amountMax.minor.toString(), currency: amountMax.currency },
    suggestion: suggestRules(repeated, permissions, days) ?? null,
  }
}
