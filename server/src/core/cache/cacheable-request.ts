// What of a model's request its answer depends on, and whether the answer may be given again.
import type { ModelApi } from '../wires/model-api.ts'

/** They say how a reply is sent, to whom it is attributed, or what it costs: not what it is. */
const volatileMembers: ReadonlySet<string> = new Set([
  'stream',
  'stream_options',
  'user',
  'safety_identifier',
  'metadata',
  'prompt_cache_key',
  'prompt_cache_retention',
  'service_tier',
])

/** A reply to a request with one of these depends on more than the request, or does more than reply. */
const refusedMembers: Readonly<Record<ModelApi, readonly string[]>> = {
  chat: ['web_search_options', 'audio'],
  responses: ['previous_response_id', 'conversation', 'background', 'prompt'],
  messages: ['container', 'mcp_servers'],
  embeddings: [],
}

export type CacheableRequest = {
  /** Everything that the answer depends on. */
  readonly material: object
  /** Who asks, as far as the request itself says so; empty where it does not. */
  readonly person: string
  /** Undefined where the request is answered from the cache only when it comes again as it was. */
  readonly semantic: { readonly asked: string; readonly frame: object } | undefined
}

/** Undefined for a request whose answer is never given again. */
export function readCacheable(api: ModelApi, json: object): CacheableRequest | undefined {
  if (refusedMembers[api].some((name) => isSet(member(json, name)))) return undefined
  if (member(json, 'store') === true) return undefined
  if (!list(json, 'tools').every((tool) => isFunction(api, tool))) return undefined
  const kept = Object.entries(json).filter(([name]) => !volatileMembers.has(name))
  const material = Object.fromEntries(kept)
  return { material, person: personOf(json), semantic: semanticOf(api, material) }
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
}

function list(value: unknown, name: string): readonly unknown[] {
  const found = member(value, name)
  return Array.isArray(found) ? found : []
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false
}

/** Tools that a provider runs itself look at the world: no answer of theirs is the same tomorrow. */
function isFunction(api: ModelApi, tool: unknown): boolean {
  const type = member(tool, 'type')
  if (api === 'messages') return type === undefined || type === 'custom'
  return type === 'function' || type === 'custom'
}

function personOf(json: object): string {
  const named = [
    member(json, 'user'),
    member(json, 'safety_identifier'),
    member(member(json, 'metadata'), 'user_id'),
  ]
  // Whatever stands there: an id may be a number.
  return JSON.stringify(named.map((each) => each ?? ''))
}

function semanticOf(api: ModelApi, material: object): CacheableRequest['semantic'] {
  if (api === 'embeddings') return undefined
  const choices = member(material, 'n')
  if (choices !== undefined && choices !== null && choices !== 1) return undefined
  const name = api === 'responses' ? 'input' : 'messages'
  const turns = member(material, name)
  // The Responses API takes a bare text for a turn of the user.
  if (api === 'responses' && typeof turns === 'string') {
    return asked(turns, { ...material, [name]: null })
  }
  if (!Array.isArray(turns) || !turns.every((turn) => isTalk(turn))) return undefined
  const last: unknown = turns.at(-1)
  if (member(last, 'role') !== 'user') return undefined
  const text = textOf(member(last, 'content'))
  if (text === undefined) return undefined
  const frame = { ...Object(last), content: null }
  return asked(text, { ...material, [name]: [...turns.slice(0, -1), frame] })
}

function asked(text: string, frame: object): CacheableRequest['semantic'] {
  return text.trim() === '' ? undefined : { asked: text, frame }
}

/** A turn of people and model alone: what tools answered is only matched as a whole. */
function isTalk(turn: unknown): boolean {
  const type = member(turn, 'type')
  if (type !== undefined && type !== 'message') return false
  if (!['user', 'assistant', 'system', 'developer'].includes(String(member(turn, 'role'))))
    return false
  if (isSet(member(turn, 'tool_calls')) || isSet(member(turn, 'function_call'))) return false
  return list(turn, 'content').every((part) =>
    ['text', 'input_text', 'output_text', 'refusal', 'thinking', 'redacted_thinking'].includes(
      String(member(part, 'type')),
    ),
  )
}

/** One text and nothing else. */
function textOf(content: unknown): string | undefined {
  if (typeof content === 'string') return content
  if (!Array.isArray(content) || content.length !== 1) return undefined
  const part: unknown = content[0]
  const text = member(part, 'text')
  const isPlain = Object.keys(Object(part)).every((name) => name === 'type' || name === 'text')
  return isPlain && typeof text === 'string' ? text : undefined
}
