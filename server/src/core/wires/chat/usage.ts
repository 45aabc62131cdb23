// Usage as Chat Completions counts it: cached tokens are part of the prompt.
import type { Usage } from '../conversation.ts'
import { countMember, member } from '../read-json.ts'

export function readChatUsage(usage: unknown): Usage | undefined {
  const prompt = countMember(usage, 'prompt_tokens')
  const said = countMember(usage, 'completion_tokens')
  if (prompt === undefined || said === undefined) return undefined
  // Some leave what was thought out of the completion, and count it in the total only.
  const completion = Math.max(said, (countMember(usage, 'total_tokens') ?? 0) - prompt)
  const details = member(usage, 'prompt_tokens_details')
  return {
    prompt,
    cached: countMember(details, 'cached_tokens') ?? 0,
    written: countMember(details, 'cache_write_tokens') ?? 0,
    writtenLong: 0,
    completion,
    reasoning: countMember(member(usage, 'completion_tokens_details'), 'reasoning_tokens') ?? 0,
  }
}

export function writeChatUsage(usage: Usage): object {
  const written = usage.written === 0 ? {} : { cache_write_tokens: usage.written }
  return {
    prompt_tokens: usage.prompt,
    completion_tokens: usage.completion,
    total_tokens: usage.prompt + usage.completion,
    prompt_tokens_details: { cached_tokens: usage.cached, ...written },
    completion_tokens_details: { reasoning_tokens: usage.reasoning },
  }
}
