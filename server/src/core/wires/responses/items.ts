// The items of a Responses reply: one for each text, thought and tool call.
import type { OutputPart, TranslationContext } from '../conversation.ts'
import { openSeal, sealThought, wantsSeals } from './sealed-thought.ts'
import { textMember } from '../read-json.ts'

const prefixes = { text: 'msg', refusal: 'msg', reasoning: 'rs', tool_call: 'fc' } as const

/** Ids are of the gateway: of the call, and of the item's place in the reply. */
export function itemId(
  type: OutputPart['type'],
  context: TranslationContext,
  index: number,
): string {
  return `${prefixes[type]}_${context.id}_${index}`
}

/** As `itemId` names thoughts; OpenAI's own names have no hyphens. */
const ownThought = /^rs_[0-9a-f]{8}-[0-9a-f-]{27}_\d+$/

/** Whether an item of a request is a thought that an endpoint of another wire had: OpenAI refuses it. */
export function isForeignThought(item: unknown): boolean {
  if (textMember(item, 'type') !== 'reasoning') return false
  if (openSeal(textMember(item, 'encrypted_content')) !== undefined) return true
  return ownThought.test(textMember(item, 'id') ?? '')
}

/** Undefined for a thought that nothing may be told of. */
export function writeItem(
  part: OutputPart,
  { id, context }: { readonly id: string; readonly context: TranslationContext },
): object | undefined {
  const status = 'completed'
  switch (part.type) {
    case 'text':
    case 'refusal':
      return { id, type: 'message', status, role: 'assistant', content: [writeContent(part)] }
    case 'tool_call': {
      const called = { call_id: part.id, name: part.name, arguments: part.arguments }
      return { id, type: 'function_call', status, ...called }
    }
    case 'reasoning':
      break
  }
  const sealed = wantsSeals(context) ? sealThought(part) : undefined
  if (part.text === '' && sealed === undefined) return undefined
  const summary = part.text === '' ? [] : [{ type: 'summary_text', text: part.text }]
  const seal = sealed === undefined ? {} : { encrypted_content: sealed }
  return { id, type: 'reasoning', status, summary, ...seal }
}

export function writeContent(part: OutputPart & { type: 'text' | 'refusal' }): object {
  if (part.type === 'refusal') return { type: 'refusal', refusal: part.text }
  return { type: 'output_text', text: part.text, annotations: [], logprobs: [] }
}
