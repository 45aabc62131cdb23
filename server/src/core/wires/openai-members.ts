// What Chat Completions and Responses have in common at the top of a request.
import type { Conversation } from './conversation.ts'
import { type Fields, untranslatable } from './fields.ts'

/** Same name, same meaning in both. */
const shared = [
  'metadata',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'safety_identifier',
  'service_tier',
  'store',
  'user',
] as const

export function readShared(fields: Fields): Map<string, unknown> {
  const found = new Map<string, unknown>()
  for (const name of shared) {
    const value = fields.take(name)
    if (value !== undefined) found.set(name, value)
  }
  return found
}

/** The opaque id of the end user: the newer name wins. */
export function readUserId(members: ReadonlyMap<string, unknown>): string | undefined {
  const id = members.get('safety_identifier') ?? members.get('user')
  return typeof id === 'string' ? id : undefined
}

/**
 * Between OpenAI's own APIs the shared members go on as they are; from Messages there is the end
 * user and nothing else. What is stored of a Responses call that the client did not ask to store,
 * nobody could ever read by its own API, so it is not stored.
 */
export function writeShared(conversation: Conversation, to: 'chat' | 'responses'): object {
  const members: Record<string, unknown> = Object.fromEntries(conversation.openai)
  if (conversation.userId !== undefined && !Object.hasOwn(members, 'safety_identifier')) {
    members['user'] ??= conversation.userId
  }
  if (to === 'responses') members['store'] ??= false
  return members
}

/** Messages has a place for the end user; of the rest what asks for nothing, or only hints, passes. */
export function checkForMessages(conversation: Conversation, from: 'chat' | 'responses'): void {
  const tier = conversation.openai.get('service_tier')
  const pair = { from, to: 'messages' } as const
  if (tier !== undefined && tier !== 'auto' && tier !== 'default') {
    throw untranslatable(pair, 'service_tier')
  }
  if (conversation.openai.get('store') === true) throw untranslatable(pair, 'store')
}
