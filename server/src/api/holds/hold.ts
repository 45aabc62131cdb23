// Holds as the wire shows them.
import type { DecidedHold, DecideHold, Hold } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { findHold, type HoldRow } from '../../store/holds/holds.ts'
import {
  callSchema,
  presentCall,
  presentReasons,
  reasonSchema,
  requireCall,
} from '../calls/call.ts'
import { requestPart } from '../dependencies.ts'
import { effectClassSchema, presentAmount } from '../effects/effect.ts'
import type { Context } from '../operation.ts'
import { amount, id, text, time } from '../schemas.ts'

export const holdStateSchema = z.enum([
  'pending',
  'approving',
  'approved',
  'rejected',
  'expired',
  'refused',
  'deferred',
  'cancelled',
])

export const holdSchema = z
  .object({
    id,
    callId: id,
    sessionId: id,
    agent: z.string(),
    action: z.string(),
    effectClass: effectClassSchema.nullable(),
    state: holdStateSchema,
    reasons: z.array(reasonSchema),
    arguments: z.unknown().meta({ description: 'Null in lists.' }),
    amount: amount.nullable(),
    createdAt: time,
    until: time,
    decidedAt: time.nullable(),
    decidedBy: z.string().nullable(),
  })
  .meta({ id: 'Hold' }) satisfies z.ZodType<Hold>

export const decideHoldSchema: z.ZodType<DecideHold> = z
  .strictObject({
    reason: text({ max: 500 }).exactOptional(),
    round: z.int().min(1).exactOptional().meta({
      description: 'The round of the question that is answered; 1 where it is left out.',
    }),
    signed: z
      .strictObject({
        statement: z.string().max(4096),
        signature: z
          .string()
          .regex(/^[A-Za-z0-9_-]{86}$/, { error: 'expected 64 bytes in base64url' }),
      })
      .exactOptional()
      .meta({ description: 'The vote as the voter signed it: see /v1/holds/{id}/ballot.' }),
  })
  .meta({ id: 'DecideHold' })

export const decidedHoldSchema: z.ZodType<DecidedHold> = z
  .object({ hold: holdSchema, call: callSchema })
  .meta({ id: 'DecidedHold' })

export function presentHold(row: HoldRow, opened: unknown): Hold {
  return {
    id: row.holdId,
    callId: row.callId,
    sessionId: row.sessionId,
    agent: row.agentName,
    action: row.action,
    effectClass: row.effectClass === null ? null : effectClassSchema.parse(row.effectClass),
    state: holdStateSchema.parse(row.state),
    reasons: presentReasons(row.reasons),
    arguments: opened,
    amount: presentAmount(row),
    createdAt: row.createdAt.toISOString(),
    until: row.expiresAt.toISOString(),
    decidedAt: row.decidedAt?.toISOString() ?? null,
    decidedBy: row.decidedBy,
  }
}

/** The hold of this id. Throws `hold.unknown`. */
export async function requireHold(context: Context, holdId: string): Promise<HoldRow> {
  const hold = await findHold(context.db, context.organisationId, holdId)
  if (hold === undefined) throw new AirworthyError('hold.unknown', `there is no hold ${holdId}`)
  return hold
}

/** The exact arguments, or the model request, that wait; null once they were forgotten. */
export async function openArguments(context: Context, hold: HoldRow): Promise<unknown> {
  const opened = await context.payloads.open(hold.callId, requestPart)
  if (opened === undefined) return null
  const value: unknown = JSON.parse(opened.toString())
  // A tool call's payload names server and tool beside the arguments; a model call's is its body.
  const parsed = toolRequest.safeParse(value)
  return parsed.success ? parsed.data.arguments : value
}

const toolRequest = z.object({ server: z.string(), tool: z.string(), arguments: z.json() })

/** What a vote can be refused with. */
export const voteErrors = [
  'hold.unknown',
  'hold.settled',
  'hold.expired',
  'vote.malformed',
  'vote.mismatch',
  'vote.signature_invalid',
  'vote.unsigned',
  'vote.expired',
  'vote.replayed',
  'vote.cast',
  'vote.forbidden',
] as const

/** Casts a vote, and reads what became of hold and call. */
export async function decideHold(
  context: Context,
  cast: {
    readonly holdId: string
    readonly vote: 'approve' | 'reject'
    readonly body: DecideHold
  },
): Promise<DecidedHold> {
  const { signed } = cast.body
  await context.holds.decide({
    holdId: cast.holdId,
    operatorId: context.operator.operatorId,
    vote: cast.vote,
    reason: cast.body.reason ?? '',
    round: cast.body.round,
    signed: signed && {
      statement: signed.statement,
      signature: Buffer.from(signed.signature, 'base64url'),
    },
  })
  const hold = await requireHold(context, cast.holdId)
  const [opened, call] = await Promise.all([
    openArguments(context, hold),
    requireCall(context.db, context.organisationId, hold.callId),
  ])
  return { hold: presentHold(hold, opened), call: presentCall(call) }
}
