// Usage as Messages counts it: `input_tokens` excludes what was read from or written to a cache.
import type { Usage } from '../conversation.ts'
import { countMember, member } from '../read-json.ts'

export function readMessagesUsage(usage: unknown): Usage | undefined {
  const input = countMember(usage, 'input_tokens')
  const completion = countMember(usage, 'output_tokens')
  if (input === undefined || completion === undefined) return undefined
  const cached = countMember(usage, 'cache_read_input_tokens') ?? 0
  const written = countMember(usage, 'cache_creation_input_tokens') ?? 0
  const creation = member(usage, 'cache_creation')
  const details = member(usage, 'output_tokens_details')
  return {
    prompt: input + cached + written,
    cached,
    written,
    writtenLong: Math.min(countMember(creation, 'ephemeral_1h_input_tokens') ?? 0, written),
    completion,
    reasoning: countMember(details, 'thinking_tokens') ?? 0,
  }
}

/** The wire demands counts: where the upstream told none, they are 0. */
export function writeMessagesUsage(usage: Usage | undefined): object {
  const { prompt = 0, cached = 0, written = 0, writtenLong = 0, completion = 0 } = usage ?? {}
  return {
    input_tokens: Math.max(prompt - cached - written, 0),
    cache_creation_input_tokens: written,
    cache_read_input_tokens: cached,
    cache_creation: {
      ephemeral_5m_input_tokens: written - writtenLong,
      ephemeral_1h_input_tokens: writtenLong,
    },
    output_tokens: completion,
    output_tokens_details: { thinking_tokens: usage?.reasoning ?? 0 },
    server_tool_use: null,
    service_tier: null,
  }
}
