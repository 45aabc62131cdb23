// Turns as Anthropic wants them: leading instructions apart, tool results of one turn together and
// before anything else, one message for neighbours of one role.
import type { DocumentPart, InputPart, OutputPart, Pair, Source, Turn } from '../conversation.ts'
import { untranslatable } from '../fields.ts'
import { textMember } from '../read-json.ts'
import { parseArguments } from '../tool-arguments.ts'

type Message = { role: 'system' | 'user' | 'assistant'; content: object[] }

/** `system` (where there are leading instructions) and `messages`. */
export function writeTurns(turns: readonly Turn[], pair: Pair): object {
  const firstOther = turns.findIndex((turn) => !isLeading(turn))
  const leadingCount = firstOther === -1 ? turns.length : firstOther
  const system = turns.slice(0, leadingCount).flatMap((turn) => writeContent(turn, pair))
  const messages: Message[] = []
  for (const turn of turns.slice(leadingCount)) addTurn(messages, turn, pair)
  const [text, ...more] = system
  const said = more.length === 0 ? textMember(text, 'text') : system
  return { ...(said === undefined ? {} : { system: said }), messages }
}

function isLeading({ role }: Turn): boolean {
  return role === 'system' || role === 'developer'
}

function addTurn(messages: Message[], turn: Turn, pair: Pair): void {
  const content = writeContent(turn, pair)
  // An empty text is refused there, and says nothing.
  if (content.length === 0) return
  const role = roleOf(turn)
  const last = messages.at(-1)
  if (last?.role !== role) messages.push({ role, content })
  else if (turn.role !== 'tool') last.content.push(...content)
  else last.content.splice(countResults(last.content), 0, ...content)
}

function roleOf(turn: Turn): Message['role'] {
  if (turn.role === 'assistant') return 'assistant'
  return turn.role === 'user' || turn.role === 'tool' ? 'user' : 'system'
}

function countResults(content: readonly object[]): number {
  const first = content.findIndex((block) => Reflect.get(block, 'type') !== 'tool_result')
  return first === -1 ? content.length : first
}

function writeContent(turn: Turn, pair: Pair): object[] {
  if (turn.role === 'assistant') return turn.parts.flatMap(writeOutput)
  const blocks = turn.parts.map((part) => writeInput(part, pair))
  if (turn.role !== 'tool') return blocks
  const failed = turn.isError ? { is_error: true } : {}
  return [{ type: 'tool_result', tool_use_id: turn.callId, content: blocks, ...failed }]
}

/** A thought goes back only with the signature that vouches for it. */
function writeOutput(part: OutputPart): object[] {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return part.text === '' ? [] : [{ type: 'text', text: part.text }]
    case 'tool_call': {
      const input = parseArguments(part.arguments, part.name)
      return [{ type: 'tool_use', id: part.id, name: part.name, input }]
    }
    case 'reasoning':
      break
  }
  if (part.redacted !== undefined) return [{ type: 'redacted_thinking', data: part.redacted }]
  if (part.signature === undefined || part.signature === '') return []
  return [{ type: 'thinking', thinking: part.text, signature: part.signature }]
}

function writeInput(part: InputPart, pair: Pair): object {
  if (part.type === 'text') return { type: 'text', text: part.text }
  if (part.type === 'image') return { type: 'image', source: writeSource(part.source) }
  const title = part.name === undefined ? {} : { title: part.name }
  return { type: 'document', source: writeDocument(part, pair), ...title }
}

function writeSource(source: Source): object {
  if (source.type === 'url') return { type: 'url', url: source.url }
  return { type: 'base64', media_type: source.mediaType, data: source.data }
}

/** Documents are PDF or plain text there. */
function writeDocument({ source, at }: DocumentPart, pair: Pair): object {
  if (source.type === 'url') return writeSource(source)
  if (source.type === 'base64' && source.mediaType === 'application/pdf') return writeSource(source)
  if (source.type === 'base64' && source.mediaType !== 'text/plain') {
    throw untranslatable(pair, at, `${source.mediaType} is no document there`)
  }
  const text =
    source.type === 'text' ? source.text : Buffer.from(source.data, 'base64').toString('utf8')
  return { type: 'text', media_type: 'text/plain', data: text }
}
