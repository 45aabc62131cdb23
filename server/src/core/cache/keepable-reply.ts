// Which replies may be given again: whole ones that only say something.
import type { ModelApi } from '../wires/model-api.ts'

/**
 * Undefined for a reply that is never kept: one that calls a tool, refuses, was cut off, or holds
 * anything that is not known to be harmless. Else its text, empty for embeddings.
 */
export function readKeepable(api: ModelApi, reply: unknown): { readonly text: string } | undefined {
  const texts = readers[api](reply)
  if (texts === undefined) return undefined
  const text = texts.join('\n')
  return api !== 'embeddings' && text.trim() === '' ? undefined : { text }
}

type Reader = (reply: unknown) => string[] | undefined

const readers: Readonly<Record<ModelApi, Reader>> = {
  chat: readChat,
  responses: readResponses,
  messages: readMessages,
  embeddings: readEmbeddings,
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0)
}

/** Each item read, or undefined as soon as one may not be kept. */
function readEach(
  items: unknown,
  read: (item: unknown) => string[] | undefined,
): string[] | undefined {
  if (!Array.isArray(items) || items.length === 0) return undefined
  const texts: string[] = []
  for (const item of items) {
    const found = read(item)
    if (found === undefined) return undefined
    texts.push(...found)
  }
  return texts
}

function readChat(reply: unknown): string[] | undefined {
  if (!isEmpty(member(reply, 'error'))) return undefined
  return readEach(member(reply, 'choices'), (choice) => {
    const message = member(choice, 'message')
    const content = member(message, 'content')
    const isWhole = member(choice, 'finish_reason') === 'stop'
    const acts = ['tool_calls', 'function_call', 'refusal', 'audio'].some(
      (name) => !isEmpty(member(message, name)),
    )
    return isWhole && !acts && typeof content === 'string' ? [content] : undefined
  })
}

function readResponses(reply: unknown): string[] | undefined {
  const isWhole = member(reply, 'status') === 'completed'
  if (
    !isWhole ||
    !isEmpty(member(reply, 'error')) ||
    !isEmpty(member(reply, 'incomplete_details'))
  ) {
    return undefined
  }
  return readEach(member(reply, 'output'), (item) => {
    const type = member(item, 'type')
    if (type === 'reasoning') return []
    if (type !== 'message') return undefined
    return readEach(member(item, 'content'), (part) => {
      const text = member(part, 'text')
      return member(part, 'type') === 'output_text' && typeof text === 'string' ? [text] : undefined
    })
  })
}

function readMessages(reply: unknown): string[] | undefined {
  const stop = member(reply, 'stop_reason')
  if (member(reply, 'type') !== 'message') return undefined
  if (stop !== 'end_turn' && stop !== 'stop_sequence') return undefined
  return readEach(member(reply, 'content'), (block) => {
    const type = member(block, 'type')
    if (type === 'thinking' || type === 'redacted_thinking') return []
    const text = member(block, 'text')
    return type === 'text' && typeof text === 'string' ? [text] : undefined
  })
}

function readEmbeddings(reply: unknown): string[] | undefined {
  return readEach(member(reply, 'data'), (item) =>
    isEmpty(member(item, 'embedding')) ? undefined : [],
  )
}
