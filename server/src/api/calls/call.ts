// Calls as the wire shows them.
import type { Call, Reason } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { type CallRow, findCall } from '../../store/calls/calls.ts'
import type { Database } from '../../store/database.ts'
import { effectStateSchema } from '../effects/effect.ts'
import { id, integerText, time } from '../schemas.ts'

export const verdictSchema = z.enum(['allow', 'hold', 'deny'])

export const reasonSchema = z
  .object({
    rule: z.string(),
    verdict: verdictSchema,
    reason: z.string(),
    error: z.string().exactOptional(),
  })
  .meta({ id: 'Reason' }) satisfies z.ZodType<Reason>

export const callStateSchema = z.enum([
  'held',
  'executing',
  'done',
  'failed',
  'unknown',
  'denied',
  'repeated',
])

export const kindSchema = z.enum(['model', 'tool', 'undo'])

const usageSchema = z.object({
  promptTokens: z.int(),
  cachedTokens: z.int(),
  completionTokens: z.int(),
})

const checksSchema = z
  .array(z.object({ id: z.string(), holds: z.boolean(), reason: z.string() }))
  .nullable()
  .meta({ description: 'What the result was held against. Null: nothing was asked of it.' })

const originsSchema = z
  .record(z.string(), z.array(z.string()))
  .nullable()
  .meta({ description: 'By argument: user, system, web, tool:<name>, unknown. Null: not tracked.' })

export const callSchema = z
  .object({
    id,
    sessionId: id,
    agentId: id,
    versionId: id,
    pactId: id,
    kind: kindSchema,
    action: z.string().meta({ description: "The model's name, or `server/tool`." }),
    state: callStateSchema,
    verdict: verdictSchema,
    enforced: z.boolean(),
    code: z.string().nullable(),
    reasons: z.array(reasonSchema),
    usage: usageSchema.nullable(),
    costNanoUsd: integerText.nullable(),
    effect: z.object({ id, key: z.string(), state: effectStateSchema }).nullable(),
    repeatOf: id.nullable(),
    intentSeq: integerText.nullable(),
    outcomeSeq: integerText.nullable(),
    createdAt: time,
    settledAt: time.nullable(),
    checks: checksSchema,
    origins: originsSchema,
    flow: z
      .enum(['read', 'write'])
      .nullable()
      .meta({ description: 'Null where the pact declares no write flow.' }),
  })
  .meta({ id: 'Call' }) satisfies z.ZodType<Call>

const storedReasons = z.array(reasonSchema)

export function presentReasons(stored: unknown): Reason[] {
  return stored === null ? [] : storedReasons.parse(stored)
}

export function presentCall(row: CallRow): Call {
  return {
    id: row.callId,
    sessionId: row.sessionId,
    agentId: row.agentId,
    versionId: row.versionId,
    pactId: row.pactId,
    kind: kindSchema.parse(row.kind),
    action: row.action,
    state: callStateSchema.parse(row.state),
    verdict: verdictSchema.parse(row.verdict),
    enforced: row.enforced,
    code: row.code,
    reasons: presentReasons(row.reasons),
    usage: presentUsage(row),
    costNanoUsd: row.costNanoUsd,
    effect:
      row.effect === null
        ? null
        : {
            id: row.effect.effectId,
            key: row.effect.key,
            state: effectStateSchema.parse(row.effect.state),
          },
    repeatOf: row.repeatOf,
    intentSeq: row.intentSeq,
    outcomeSeq: row.outcomeSeq,
    createdAt: row.createdAt.toISOString(),
    settledAt: row.settledAt?.toISOString() ?? null,
    checks: checksSchema.parse(row.checks),
    origins: originsSchema.parse(row.origins),
    flow: row.flow,
  }
}

/** Tokens of one call fit a double: no model reads 2^53 of them. */
function presentUsage(row: CallRow): Call['usage'] {
  if (row.promptTokens === null && row.completionTokens === null) return null
  return {
    promptTokens: Number(row.promptTokens ?? 0),
    cachedTokens: Number(row.cachedTokens ?? 0),
    completionTokens: Number(row.completionTokens ?? 0),
  }
}

/** The call of this id. Throws `call.unknown`. */
export async function requireCall(
  db: Database,
  organisationId: OrganisationId,
  callId: string,
): Promise<CallRow> {
  const call = await findCall(db, organisationId, callId)
  if (call === undefined) throw new AirworthyError('call.unknown', `there is no call ${callId}`)
  return call
}
