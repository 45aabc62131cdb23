// System and messages of a Messages request. A user message with tool results becomes a turn for
// each result and one for the rest, which is how OpenAI's wires have it.
import type {
  DocumentPart,
  ImagePart,
  InputPart,
  OutputPart,
  Source,
  TextPart,
  Turn,
} from '../conversation.ts'
import { Fields } from '../fields.ts'

export function readSystem(fields: Fields): Turn[] {
  const parts = readTexts(fields, 'system')
  return parts.length === 0 ? [] : [{ role: 'system', at: fields.at('system'), parts }]
}

export function readTurns(fields: Fields): Turn[] {
  return fields.list('messages').flatMap(({ value, at }) => {
    const message = new Fields(fields.pair, value, at)
    const turns = readMessage(message)
    message.end()
    return turns
  })
}

function readMessage(message: Fields): Turn[] {
  const at = message.at()
  const role = message.needText('role')
  if (role === 'system') return [{ role, at, parts: readTexts(message, 'content') }]
  if (role === 'assistant') return [{ role, at, parts: readAssistant(message) }]
  if (role !== 'user') throw message.refuse('role', role)
  const results: Turn[] = []
  const parts: InputPart[] = []
  for (const block of readBlocks(message, 'content')) {
    const type = block.needText('type')
    if (type === 'tool_result') results.push(readResult(block))
    else parts.push(readInput(block, type))
    endBlock(block)
  }
  const hasMore = parts.length > 0 || results.length === 0
  return hasMore ? [...results, { role, at, parts }] : results
}

/** The blocks of a content; a text alone is a block of text, an empty one is none. */
function readBlocks(owner: Fields, name: string): Fields[] {
  const content = owner.take(name)
  if (content === undefined || content === '') return []
  if (typeof content === 'string') {
    return [new Fields(owner.pair, { type: 'text', text: content }, owner.at(name))]
  }
  return owner.list(name).map(({ value, at }) => new Fields(owner.pair, value, at))
}

function endBlock(block: Fields): void {
  block.leaveOut('cache_control')
  block.end()
}

function readTexts(owner: Fields, name: string): TextPart[] {
  return readBlocks(owner, name).map((block) => {
    const type = block.needText('type')
    if (type !== 'text') throw block.refuse('type', type)
    const part = readText(block)
    endBlock(block)
    return part
  })
}

function readText(block: Fields): TextPart {
  block.only('citations')
  return { type: 'text', text: block.needText('text') }
}

function readInput(block: Fields, type: string): InputPart {
  if (type === 'text') return readText(block)
  if (type === 'image') return readImage(block)
  if (type === 'document') return readDocument(block)
  throw block.refuse('type', type)
}

function readImage(block: Fields): ImagePart {
  const source = readSource(block.needFields('source'))
  return { type: 'image', at: block.at(), source, detail: undefined }
}

function readSource(source: Fields): Source {
  const type = source.needText('type')
  const read = readBase64OrUrl(source, type)
  source.end()
  return read
}

function readBase64OrUrl(source: Fields, type: string): Source {
  if (type === 'url') return { type, url: source.needText('url') }
  if (type !== 'base64') throw source.refuse('type', type)
  return { type, mediaType: source.needText('media_type'), data: source.needText('data') }
}

function readDocument(block: Fields): DocumentPart {
  const source = block.needFields('source')
  const type = source.needText('type')
  const read: DocumentPart = {
    type: 'document',
    at: block.at(),
    source: type === 'text' ? readPlainText(source) : readBase64OrUrl(source, type),
    name: block.text('title'),
  }
  source.end()
  const citations = block.fields('citations')
  citations?.only('enabled', false)
  citations?.end()
  return read
}

function readPlainText(source: Fields): { type: 'text'; text: string } {
  source.only('media_type', 'text/plain')
  return { type: 'text', text: source.needText('data') }
}

function readResult(block: Fields): Turn {
  const parts = readBlocks(block, 'content').map((inner) => {
    const part = readInput(inner, inner.needText('type'))
    endBlock(inner)
    return part
  })
  const callId = block.needText('tool_use_id')
  return { role: 'tool', at: block.at(), callId, parts, isError: block.flag('is_error') ?? false }
}

function readAssistant(message: Fields): OutputPart[] {
  return readBlocks(message, 'content').map((block): OutputPart => {
    const part = readOutput(block, block.needText('type'))
    endBlock(block)
    return part
  })
}

function readOutput(block: Fields, type: string): OutputPart {
  switch (type) {
    case 'text':
      return readText(block)
    case 'tool_use':
      return readToolUse(block)
    case 'thinking':
      return {
        type: 'reasoning',
        text: block.needText('thinking'),
        signature: block.text('signature') ?? '',
      }
    case 'redacted_thinking':
      return { type: 'reasoning', text: '', redacted: block.needText('data') }
    default:
      throw block.refuse('type', type)
  }
}

function readToolUse(block: Fields): OutputPart {
  const caller = block.fields('caller')
  caller?.only('type', 'direct')
  caller?.end()
  return {
    type: 'tool_call',
    id: block.needText('id'),
    name: block.needText('name'),
    arguments: JSON.stringify(block.object('input') ?? {}),
  }
}
