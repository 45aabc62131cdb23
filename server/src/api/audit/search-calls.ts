// GET /v1/audit/calls
import type { FoundCall, FoundCallPage } from '@airworthy/sdk'
import { z } from 'zod'
import {
  type FoundCall as FoundRow,
  searchCalls as findCalls,
} from '../../store/audit/audit-search.ts'
import { requireAgent } from '../agents/agent.ts'
import { callStateSchema, kindSchema, verdictSchema } from '../calls/call.ts'
import { defineOperation } from '../operation.ts'
import { agentIdOrName, amount, id, integerText, limit, nextOf, text, time } from '../schemas.ts'

const minorUnits = z.string().regex(/^\d{1,18}$/, { error: 'expected minor units, as digits' })

const foundSchema = z
  .object({
    id,
    sessionId: id,
    agentId: id,
    agent: z.string(),
    versionId: id,
    pactId: id,
    kind: kindSchema,
    action: z.string(),
    state: callStateSchema,
    verdict: verdictSchema,
    enforced: z.boolean(),
    code: z.string().nullable(),
    amount: amount.nullable(),
    costNanoUsd: integerText.nullable(),
    logId: integerText,
    intentSeq: integerText.nullable(),
    outcomeSeq: integerText.nullable(),
    createdAt: time,
    settledAt: time.nullable(),
  })
  .meta({ id: 'FoundCall' }) satisfies z.ZodType<FoundCall>

const reply: z.ZodType<FoundCallPage> = z
  .object({ calls: z.array(foundSchema), next: id.nullable() })
  .meta({ id: 'FoundCallPage' })

export const searchCalls = defineOperation({
  id: 'search-calls',
  method: 'GET',
  path: '/v1/audit/calls',
  summary: 'Find calls by agent, version, session, tool, decision, amount or time; newest first',
  roles: ['operator', 'auditor'],
  query: z.strictObject({
    agent: agentIdOrName.exactOptional(),
    version: id.exactOptional(),
    session: id.exactOptional(),
    action: text({ min: 1, max: 200 }).exactOptional(),
    decision: verdictSchema.exactOptional(),
    state: callStateSchema.exactOptional(),
    code: text({ min: 1, max: 64 }).exactOptional(),
    amountMin: minorUnits.exactOptional(),
    amountMax: minorUnits.exactOptional(),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/)
      .exactOptional(),
    from: z.iso.datetime({ offset: true }).exactOptional(),
    to: z.iso.datetime({ offset: true }).exactOptional(),
    after: id.exactOptional(),
    limit,
  }),
  reply,
  errors: ['agent.unknown', 'audit.too_broad'],
  run: async ({ db, organisationId, logAccess }, { query }) => {
    await logAccess('search')
    const agentId =
      query.agent === undefined
        ? undefined
        : (await requireAgent(db, organisationId, query.agent)).agentId
    const rows = await findCalls(db, organisationId, {
      filter: {
        agentId,
        versionId: query.version,
        sessionId: query.session,
        action: query.action,
        verdict: query.decision,
        state: query.state,
        code: query.code,
        amountMin: query.amountMin === undefined ? undefined : BigInt(query.amountMin),
        amountMax: query.amountMax === undefined ? undefined : BigInt(query.amountMax),
        currency: query.currency,
        fromMs: query.from === undefined ? undefined : Date.parse(query.from),
        toMs: query.to === undefined ? undefined : Date.parse(query.to),
      },
      after: query.after,
      limit: query.limit,
    })
    const ids = rows.map((row) => row.callId)
    return { calls: rows.map(presentFound), next: nextOf(ids, query.limit) }
  },
})

function presentFound(row: FoundRow): FoundCall {
  const { amountMinor, currency } = row
  return {
    id: row.callId,
    sessionId: row.sessionId,
    agentId: row.agentId,
    agent: row.agentName,
    versionId: row.versionId,
    pactId: row.pactId,
    kind: kindSchema.parse(row.kind),
    action: row.action,
    state: callStateSchema.parse(row.state),
    verdict: verdictSchema.parse(row.verdict),
    enforced: row.enforced,
    code: row.code,
    amount:
      amountMinor === null || currency === null ? null : { minorUnits: amountMinor, currency },
    costNanoUsd: row.costNanoUsd,
    logId: row.logId,
    intentSeq: row.intentSeq,
    outcomeSeq: row.outcomeSeq,
    createdAt: row.createdAt.toISOString(),
    settledAt: row.settledAt?.toISOString() ?? null,
  }
}
