// What a past call asked for, and what its decision recorded: read from the record, parsed here.
import { z } from 'zod'
import type { RecordedFacts } from '../../core/decision/decision.ts'
import type { PastRequest } from '../../core/decision/past-decision.ts'
import type { OriginsByArgument } from '../../core/taint/taint.ts'
import { integerText } from '../schemas.ts'
import type { PayloadReader } from '../dependencies.ts'
import { requestPart } from '../dependencies.ts'

const toolRequest = z.object({ arguments: z.record(z.string(), z.unknown()) })
const modelRequest = z.object({ stream: z.boolean().nullish() })

/** The request of a call; undefined where it is not stored, or forgotten. */
export async function openRequest(
  payloads: PayloadReader,
  call: { readonly callId: string; readonly kind: string },
): Promise<PastRequest | undefined> {
  const stored = await payloads.open(call.callId, requestPart)
  if (stored === undefined) return undefined
  const body = stored.toString('utf8')
  const value: unknown = parseJson(body)
  if (call.kind === 'model') {
    const parsed = modelRequest.safeParse(value)
    return { kind: 'model', stream: parsed.data?.stream === true, body }
  }
  const parsed = toolRequest.safeParse(value)
  return parsed.success ? { kind: 'tool', args: parsed.data.arguments } : undefined
}

/** A refused body is recorded too, and need not be JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const origins = z.record(z.string(), z.array(z.string()))
const calls = z.array(z.string())
const count = z.int().min(0)

const probability = z.number().min(0).max(1)
const escalationFacts = z.object({
  confidence: z
    .object({
      stated: probability.exactOptional(),
      logprobs: probability.exactOptional(),
      isUnclear: z.literal(true).exactOptional(),
    })
    .exactOptional(),
  doubt: z
    .object({ source: z.enum(['said', 'phrase', 'field']), callId: z.string().exactOptional() })
    .exactOptional(),
})
const signals = z.object({
  unseen: z.array(z.enum(['tool', 'arguments', 'counterparty', 'task'])),
  isLearning: z.boolean(),
  anomalies: z.array(z.enum(['calls', 'spend'])),
  score: probability.exactOptional(),
  isOfPerson: z.literal(true).exactOptional(),
})

/** Written by `recordFacts`; what an older release left out stays out. */
const recordedFacts = z.object({
  nowMs: z.number(),
  modelCalls: count.exactOptional(),
  toolCalls: count.exactOptional(),
  writes: count.exactOptional(),
  denied: count.exactOptional(),
  held: count.exactOptional(),
  tokens: count.exactOptional(),
  spentNanoUsd: integerText.exactOptional(),
  tools: z.record(z.string(), z.tuple([count, count, count, count])).exactOptional(),
  flow: z
    .object({ state: z.enum(['open', 'barred']), sinceMs: z.number(), writes: count })
    .exactOptional(),
  taint: z.object({ untrusted: calls, private: calls }).exactOptional(),
  recent: z.string().exactOptional(),
  escalation: escalationFacts.exactOptional(),
  signals: signals.exactOptional(),
  effect: z.enum(['read', 'reversible', 'compensable', 'irreversible']).exactOptional(),
  origins: origins.exactOptional(),
  amount: z.object({ minorUnits: integerText, currency: z.string() }).exactOptional(),
}) satisfies z.ZodType<RecordedFacts>

export function parseRecordedFacts(stored: unknown): RecordedFacts | undefined {
  return stored === undefined ? undefined : recordedFacts.safeParse(stored).data
}

export function parseOrigins(stored: unknown): OriginsByArgument | undefined {
  return stored === undefined ? undefined : origins.safeParse(stored).data
}
