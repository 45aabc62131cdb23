// The input of a Responses request: a text, or a list of items. Neighbouring items of the model
// are one turn: what it thought, said and called.
import type { InputPart, OutputPart, TextPart, Turn } from '../conversation.ts'
import { readSource } from '../data-url.ts'
import { Fields } from '../fields.ts'
import { openSeal } from './sealed-thought.ts'

export function readItems(fields: Fields): Turn[] {
  const input = fields.take('input')
  if (typeof input === 'string') {
    return [{ role: 'user', at: 'input', parts: [{ type: 'text', text: input }] }]
  }
  const turns: Turn[] = []
  for (const { value, at } of fields.list('input')) {
    const item = new Fields(fields.pair, value, at)
    addTurn(turns, readItem(item))
    // Names and states of items that the provider gave: nobody else could read them.
    item.leaveOut('id', 'status', 'phase')
    item.end()
  }
  return turns
}

function addTurn(turns: Turn[], turn: Turn): void {
  const last = turns.at(-1)
  if (turn.role !== 'assistant' || last?.role !== 'assistant') turns.push(turn)
  else turns[turns.length - 1] = { ...last, parts: [...last.parts, ...turn.parts] }
}

function readItem(item: Fields): Turn {
  const at = item.at()
  const type = item.text('type') ?? 'message'
  switch (type) {
    case 'message':
      return readMessage(item)
    case 'function_call':
      return { role: 'assistant', at, parts: [readCall(item)] }
    case 'function_call_output': {
      const callId = item.needText('call_id')
      refuseCallers(item)
      return { role: 'tool', at, callId, parts: readInput(item, 'output'), isError: false }
    }
    case 'reasoning':
      return { role: 'assistant', at, parts: readThought(item) }
    default:
      throw item.refuse('type', type)
  }
}

function readMessage(item: Fields): Turn {
  const at = item.at()
  const role = item.needText('role')
  switch (role) {
    case 'system':
    case 'developer':
      return { role, at, parts: readTexts(item) }
    case 'user':
      return { role, at, parts: readInput(item, 'content') }
    case 'assistant':
      return { role, at, parts: readOutput(item) }
    default:
      throw item.refuse('role', role)
  }
}

function readContent<Part>(
  item: Fields,
  name: string,
  readPart: (part: Fields, type: string) => Part,
): (Part | TextPart)[] {
  const content = item.take(name)
  if (content === undefined || content === '') return []
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return item.list(name).map(({ value, at }) => {
    const part = new Fields(item.pair, value, at)
    const read = readPart(part, part.needText('type'))
    part.leaveOut('prompt_cache_breakpoint')
    part.end()
    return read
  })
}

function readTexts(item: Fields): TextPart[] {
  return readContent(item, 'content', (part, type): TextPart => {
    if (type !== 'input_text') throw part.refuse('type', type)
    return { type: 'text', text: part.needText('text') }
  })
}

function readInput(item: Fields, name: string): InputPart[] {
  return readContent(item, name, (part, type): InputPart => {
    if (type === 'input_text') return { type: 'text', text: part.needText('text') }
    if (type === 'input_image') return readImage(part)
    if (type === 'input_file') return readFile(part)
    throw part.refuse('type', type)
  })
}

function readImage(part: Fields): InputPart {
  part.only('file_id')
  const source = readSource(part.needText('image_url'))
  if (source === undefined) throw part.refuse('image_url', 'only base64 data URLs')
  const detail = part.text('detail')
  // `auto` must be said there, and is the default elsewhere.
  return { type: 'image', at: part.at(), source, detail: detail === 'auto' ? undefined : detail }
}

function readFile(part: Fields): InputPart {
  part.only('file_id')
  const url = part.text('file_url')
  const source = readSource(url ?? part.needText('file_data'))
  if (source === undefined || (url === undefined && source.type === 'url')) {
    throw part.refuse('file_data', 'only base64 data URLs')
  }
  part.only('detail', 'auto')
  return { type: 'document', at: part.at(), source, name: part.text('filename') }
}

function readOutput(item: Fields): OutputPart[] {
  return readContent(item, 'content', (part, type): OutputPart => {
    if (type === 'refusal') return { type, text: part.needText('refusal') }
    if (type !== 'output_text' && type !== 'input_text') throw part.refuse('type', type)
    part.only('annotations')
    // What the official client adds to a reply that it has parsed.
    part.leaveOut('logprobs', 'parsed')
    return { type: 'text', text: part.needText('text') }
  })
}

function readCall(item: Fields): OutputPart {
  refuseCallers(item)
  item.only('async', false)
  item.leaveOut('parsed_arguments')
  return {
    type: 'tool_call',
    id: item.needText('call_id'),
    name: item.needText('name'),
    arguments: item.needText('arguments'),
  }
}

function refuseCallers(item: Fields): void {
  const caller = item.fields('caller')
  caller?.only('type', 'direct')
  caller?.end()
}

/** A thought that Anthropic vouched for comes back whole; others are for the model that had them. */
function readThought(item: Fields): OutputPart[] {
  const sealed = item.text('encrypted_content')
  const texts = item.list('summary').map(({ value, at }) => {
    return new Fields(item.pair, value, at).needText('text')
  })
  item.leaveOut('content')
  return [{ type: 'reasoning', text: texts.join('\n\n'), ...openSeal(sealed) }]
}
