// Model calls as others recorded them, one JSON object a line: a call with its `usage`, as the
// OpenAI and Anthropic wires have it, or a whole run whose `messages` carry theirs.
import type { PricedUsage, ServiceTier } from './prices.ts'
import { serviceTiers } from './price-list.ts'

export type RecordedCall = {
  readonly session: string
  /** Who made it: `assistant`; in a recorded run also the `user` that a model played. */
  readonly role: string
  readonly model: string | undefined
  readonly usage: PricedUsage
  /** What was recorded as its cost. */
  readonly costNanoUsd: bigint | undefined
  readonly atMs: number | undefined
}

type Json = { readonly [key: string]: unknown }

/** The calls of one line. A line without usage has none. Throws a sentence where it does not parse. */
export function readRecordedLine(line: string, number: number): RecordedCall[] {
  const value = parse(line, number)
  const messages = value['messages']
  const session = sessionOf(value) ?? `line ${number}`
  if (Array.isArray(messages)) {
    return messages.flatMap((message: unknown) =>
      isObject(message) ? callOf(message, { session, role: textOf(message, 'role') }) : [],
    )
  }
  // A line of a batch's output has the reply in `response.body`.
  const body = at(value, 'response', 'body') ?? at(value, 'response') ?? value
  const reply = body['usage'] === undefined ? value : body
  const call = { ...reply, cost: reply['cost'] ?? value['cost'], at: value['at'] }
  return callOf({ ...value, ...call }, { session, role: undefined })
}

function parse(line: string, number: number): Json {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new SyntaxError(`line ${number} is no JSON`)
  }
  if (!isObject(value)) throw new SyntaxError(`line ${number} is no JSON object`)
  return value
}

function sessionOf(value: Json): string | undefined {
  const info = at(value, 'run_info')
  const run = info && textOf(info, 'simulation_id')
  return run ?? textOf(value, 'session') ?? textOf(value, 'session_id') ?? textOf(value, 'run_id')
}

function callOf(
  value: Json,
  of: { readonly session: string; readonly role: string | undefined },
): RecordedCall[] {
  const usage = at(value, 'usage')
  if (usage === undefined) return []
  const read = readUsage(usage)
  if (read === undefined) return []
  const tier = serviceTierNamed(textOf(value, 'service_tier') ?? textOf(usage, 'service_tier'))
  return [
    {
      session: of.session,
      role: of.role ?? 'assistant',
      model: textOf(value, 'model'),
      usage: tier === undefined ? read : { ...read, serviceTier: tier },
      costNanoUsd: recordedCost(value),
      atMs: timeOf(value),
    },
  ]
}

const costNames = ['cost', 'cost_usd', 'costUsd', 'response_cost']

/** Dollars as a JSON number are a double: the nearest nano-USD is what was meant. */
function recordedCost(value: Json): bigint | undefined {
  const cost = costNames.map((name) => value[name]).find((found) => typeof found === 'number')
  return typeof cost === 'number' && Number.isFinite(cost)
    ? BigInt(Math.round(cost * 1e9))
    : undefined
}

function timeOf(value: Json): number | undefined {
  const text = textOf(value, 'timestamp') ?? textOf(value, 'at') ?? textOf(value, 'created_at')
  const written = text === undefined ? Number.NaN : Date.parse(text)
  if (!Number.isNaN(written)) return written
  const created = value['created']
  return typeof created === 'number' ? created * 1000 : undefined
}

/** Usage of the OpenAI wires, and of Anthropic's, whose input leaves out what a cache holds. */
export function readUsage(usage: Json): PricedUsage | undefined {
  const prompt = count(usage, 'prompt_tokens') ?? count(usage, 'input_tokens')
  const completion = count(usage, 'completion_tokens') ?? count(usage, 'output_tokens')
  if (prompt === undefined || completion === undefined) return undefined
  const input = at(usage, 'prompt_tokens_details') ?? at(usage, 'input_tokens_details') ?? {}
  const output = at(usage, 'completion_tokens_details') ?? at(usage, 'output_tokens_details') ?? {}
  const read = count(usage, 'cache_read_input_tokens') ?? 0
  const written = count(usage, 'cache_creation_input_tokens') ?? 0
  const byTime = at(usage, 'cache_creation') ?? {}
  const writtenLong = Math.min(count(byTime, 'ephemeral_1h_input_tokens') ?? 0, written)
  return {
    promptTokens: prompt + read + written,
    cachedTokens: read + (count(input, 'cached_tokens') ?? 0),
    cacheWriteTokens: written - writtenLong,
    cacheWriteLongTokens: writtenLong,
    completionTokens: completion,
    reasoningTokens: count(output, 'reasoning_tokens'),
    mediaPromptTokens: count(input, 'audio_tokens'),
    mediaCompletionTokens: count(output, 'audio_tokens'),
  }
}

function serviceTierNamed(name: string | undefined): ServiceTier | undefined {
  return serviceTiers.find((tier) => tier === name)
}

function count(value: Json, name: string): number | undefined {
  const found = value[name]
  return typeof found === 'number' && Number.isSafeInteger(found) && found >= 0 ? found : undefined
}

function textOf(value: Json, name: string): string | undefined {
  const found = value[name]
  return typeof found === 'string' && found !== '' ? found : undefined
}

function at(value: Json, ...names: string[]): Json | undefined {
  let found: unknown = value
  for (const name of names) found = isObject(found) ? found[name] : undefined
  return isObject(found) ? found : undefined
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
