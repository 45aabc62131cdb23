// Usage as Responses counts it: cached tokens are part of the input.
import type { Usage } from '../conversation.ts'
import { countMember, member } from '../read-json.ts'

export function readResponsesUsage(usage: unknown): Usage | undefined {
  const prompt = countMember(usage, 'input_tokens')
  const completion = countMember(usage, 'output_tokens')
  if (prompt === undefined || completion === undefined) return undefined
  const details = member(usage, 'input_tokens_details')
  return {
    prompt,
    cached: countMember(details, 'cached_tokens') ?? 0,
    written: countMember(details, 'cache_write_tokens') ?? 0,
    writtenLong: 0,
    completion,
    reasoning: countMember(member(usage, 'output_tokens_details'), 'reasoning_tokens') ?? 0,
  }
}

export function writeResponsesUsage(usage: Usage): object {
  return {
    input_tokens: usage.prompt,
    input_tokens_details: { cached_tokens: usage.cached, cache_write_tokens: usage.written },
    output_tokens: usage.completion,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: usage.prompt + usage.completion,
  }
}
