// GET /v1/agents/{agent}/routes
import type { RouteReport, RouteUse } from '@airworthy/sdk'
import { z } from 'zod'
import type { CompiledPact } from '../../core/pact/compiled.ts'
import { costNanoUsd } from '../../core/pricing/prices.ts'
import {
  listDisagreements,
  type RouteUseRow,
  sumRoutedCalls,
} from '../../store/models/routed-calls.ts'
import { requireAgent } from '../agents/agent.ts'
import { defineOperation } from '../operation.ts'
import { loadPact } from '../pacts.ts'
import { agentIdOrName, integerText, time } from '../schemas.ts'

const daysDefault = 30
const daysMax = 3660
const disagreementsMax = 100
const dayMs = 86_400_000

const use: z.ZodType<RouteUse> = z.object({
  route: z.string(),
  rule: z.string(),
  mode: z.enum(['enforce', 'shadow']),
  chosen: z.string(),
  used: z.string(),
  step: z.enum(['only', 'try', 'then', 'compare']),
  calls: z.number(),
  escalated: z.number(),
  spentNanoUsd: integerText,
  otherNanoUsd: integerText.nullable(),
  compared: z.object({ same: z.number(), differs: z.number(), unsure: z.number() }),
})

const reply: z.ZodType<RouteReport> = z
  .object({
    agent: z.string(),
    since: time,
    uses: z.array(use),
    savedNanoUsd: integerText,
    wouldSaveNanoUsd: integerText,
    disagreements: z.array(
      z.object({
        callId: z.string(),
        ofCallId: z.string().nullable(),
        route: z.string(),
        rule: z.string(),
        agreement: z.enum(['differs', 'unsure']),
        score: z.number(),
      }),
    ),
  })
  .meta({ id: 'RouteReport' })

export const reportRoutes = defineOperation({
  id: 'report-routes',
  method: 'GET',
  path: '/v1/agents/{agent}/routes',
  summary: 'Show what routing chose, what it saved, and where answers differed',
  roles: ['operator', 'auditor'],
  params: z.strictObject({ agent: agentIdOrName }),
  query: z.strictObject({
    days: z.coerce.number<string>().int().min(1).max(daysMax).default(daysDefault),
  }),
  reply,
  errors: ['agent.unknown'],
  run: async ({ db, organisationId, prices }, { params, query }) => {
    const agent = await requireAgent(db, organisationId, params.agent)
    const sinceMs = Date.now() - query.days * dayMs
    const of = { agentId: agent.agentId, sinceMs }
    const rows = await sumRoutedCalls(db, organisationId, of)
    const pacts = new Map<string, CompiledPact>()
    for (const { pactId } of rows) {
      if (pacts.has(pactId)) continue
      pacts.set(pactId, await loadPact(db, organisationId, pactId, prices.book.find))
    }
    const uses = rows.map((row) => presentUse(row, pacts.get(row.pactId)))
    const differing = await listDisagreements(db, organisationId, {
      ...of,
      limit: disagreementsMax,
    })
    return {
      agent: agent.name,
      since: new Date(sinceMs).toISOString(),
      uses,
      savedNanoUsd: savedBy(uses, 'enforce').toString(),
      wouldSaveNanoUsd: savedBy(uses, 'shadow').toString(),
      disagreements: differing.map((each) => ({
        callId: each.callId,
        ofCallId: each.ofCallId ?? null,
        route: each.route,
        rule: each.rule,
        agreement: each.agreement === 'differs' ? ('differs' as const) : ('unsure' as const),
        score: each.score ?? 0,
      })),
    }
  },
})

function presentUse(row: RouteUseRow, pact: CompiledPact | undefined): RouteUse {
  // The other side of the choice: what would have answered without the rule, or with it.
  const route = pact?.routes.get(row.route)
  const other = row.mode === 'shadow' ? row.chosen.split(', then ')[0] : route?.otherwise
  return {
    route: row.route,
    rule: row.rule,
    mode: row.mode,
    chosen: row.chosen,
    used: row.used,
    step: row.step,
    calls: row.calls,
    escalated: row.faults,
    spentNanoUsd: row.nanoUsd,
    otherNanoUsd: costAt(pact, other, row)?.toString() ?? null,
    compared: { same: row.same, differs: row.differs, unsure: row.unsure },
  }
}

/**
 * The tokens of these answers at the prices of another model: each taken as their mean. Answers that
 * did not stand are left out: the other model is asked in the step after them.
 */
function costAt(
  pact: CompiledPact | undefined,
  model: string | undefined,
  row: RouteUseRow,
): bigint | undefined {
  const prices = pact?.models.get(model ?? '')?.endpoints[0]?.prices
  const stood = row.calls - row.faults
  if (prices === undefined || row.calls === 0) return undefined
  if (stood === 0) return 0n
  const mean = (tokens: string): number => Math.round(Number(tokens) / stood)
  const each = costNanoUsd(prices, {
    promptTokens: mean(row.promptTokens),
    cachedTokens: mean(row.cachedTokens),
    completionTokens: mean(row.completionTokens),
  })
  return each * BigInt(stood)
}

/**
 * A first answer that did not stand costs what it cost; the second is what would have been asked
 * anyway. What is made to be compared saves nothing.
 */
function savedBy(uses: readonly RouteUse[], mode: RouteUse['mode']): bigint {
  let saved = 0n
  for (const each of uses) {
    if (each.mode !== mode || each.otherNanoUsd === null || each.step === 'compare') continue
    const spent = BigInt(each.spentNanoUsd)
    const other = BigInt(each.otherNanoUsd)
    saved += mode === 'enforce' ? other - spent : spent - other
  }
  return saved
}
