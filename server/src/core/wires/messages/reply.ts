// Whole Messages replies, read and written.
import type { OutputPart, Reply, Stop, TranslationContext } from '../conversation.ts'
import { isObject } from '../fields.ts'
import { invalidReply, listMember, member, textMember } from '../read-json.ts'
import { parseReplyArguments } from '../tool-arguments.ts'
import { readMessagesUsage, writeMessagesUsage } from './usage.ts'

/** Throws `upstream.invalid`. */
export function readMessagesReply(body: unknown): Reply {
  if (!Array.isArray(member(body, 'content'))) throw invalidReply('no message')
  const parts = listMember(body, 'content').map(readBlock)
  const explanation = textMember(member(body, 'stop_details'), 'explanation')
  if (explanation !== undefined) parts.push({ type: 'refusal', text: explanation })
  return {
    id: textMember(body, 'id'),
    model: textMember(body, 'model'),
    parts,
    stop: readStopReason(textMember(body, 'stop_reason')),
    stopSequence: textMember(body, 'stop_sequence'),
    usage: readMessagesUsage(member(body, 'usage')),
  }
}

function readBlock(block: unknown): OutputPart {
  const type = textMember(block, 'type') ?? ''
  switch (type) {
    case 'text':
      refuseCitations(block)
      return { type, text: textMember(block, 'text') ?? '' }
    case 'thinking':
      return {
        type: 'reasoning',
        text: textMember(block, 'thinking') ?? '',
        signature: textMember(block, 'signature') ?? '',
      }
    case 'redacted_thinking':
      return { type: 'reasoning', text: '', redacted: textMember(block, 'data') ?? '' }
    case 'tool_use': {
      const [id, name] = [textMember(block, 'id'), textMember(block, 'name')]
      const input = member(block, 'input') ?? {}
      if (id === undefined || name === undefined || !isObject(input)) {
        throw invalidReply('a tool use without id, name or input')
      }
      return { type: 'tool_call', id, name, arguments: JSON.stringify(input) }
    }
    default:
      throw invalidReply(`a block of type ${type}, unasked`)
  }
}

function refuseCitations(block: unknown): void {
  if (listMember(block, 'citations').length > 0) throw invalidReply('`citations`, unasked')
}

/** `pause_turn` comes with tools that the provider runs, which are not translated. */
export function readStopReason(reason: string | undefined): Stop {
  switch (reason ?? '') {
    case 'end_turn':
      return 'end'
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'length'
    case 'stop_sequence':
      return 'sequence'
    case 'tool_use':
      return 'tool'
    case 'refusal':
      return 'filter'
    default:
      throw invalidReply(`the stop reason ${reason ?? 'null'}`)
  }
}

export const stopReasons: Readonly<Record<Stop, string>> = {
  end: 'end_turn',
  sequence: 'stop_sequence',
  length: 'max_tokens',
  tool: 'tool_use',
  filter: 'refusal',
}

/** Throws `upstream.invalid` for a tool call whose arguments are no object. */
export function writeMessagesReply(reply: Reply, context: TranslationContext): object {
  const isRefusal = reply.stop === 'end' && reply.parts.some(({ type }) => type === 'refusal')
  return {
    id: reply.id ?? context.id,
    type: 'message',
    role: 'assistant',
    model: reply.model ?? textMember(context.body, 'model') ?? '',
    content: reply.parts.flatMap(writeBlock),
    stop_reason: isRefusal ? 'refusal' : stopReasons[reply.stop],
    stop_sequence: reply.stopSequence ?? null,
    stop_details: null,
    usage: writeMessagesUsage(reply.usage),
  }
}

function writeBlock(part: OutputPart): object[] {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return [{ type: 'text', text: part.text, citations: null }]
    case 'reasoning':
      // No signature of Anthropic's: the client would send it back, and Anthropic refuse it.
      return []
    case 'tool_call':
      break
  }
  const input = parseReplyArguments(part.arguments, part.name)
  return [{ type: 'tool_use', id: part.id, name: part.name, input }]
}
