// The content of Chat Completions messages: a text, or a list of parts.
import type { DocumentPart, ImagePart, InputPart, OutputPart, TextPart } from '../conversation.ts'
import { readSource } from '../data-url.ts'
import { Fields } from '../fields.ts'

/**
 * Texts, and refusals where `readRefusal` is given. An empty text says nothing.
 */
export function readTextParts(message: Fields): TextPart[]
export function readTextParts(
  message: Fields,
  readRefusal: (part: Fields) => OutputPart,
): OutputPart[]
export function readTextParts(
  message: Fields,
  readRefusal?: (part: Fields) => OutputPart,
): OutputPart[] {
  return readContent(message, (part, type) => {
    if (type === 'text') return readText(part)
    if (type === 'refusal' && readRefusal !== undefined) return readRefusal(part)
    throw part.refuse('type', type)
  })
}

export function readInputParts(message: Fields): InputPart[] {
  return readContent(message, (part, type): InputPart => {
    if (type === 'text') return readText(part)
    if (type === 'image_url') return readImage(part)
    if (type === 'file') return readFile(part)
    throw part.refuse('type', type)
  })
}

function readContent<Part>(
  message: Fields,
  readPart: (part: Fields, type: string) => Part,
): (Part | TextPart)[] {
  const content = message.take('content')
  if (content === undefined || content === '') return []
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return message.list('content').map(({ value, at }) => {
    const part = new Fields(message.pair, value, at)
    const read = readPart(part, part.needText('type'))
    part.leaveOut('prompt_cache_breakpoint')
    part.end()
    return read
  })
}

function readText(part: Fields): TextPart {
  return { type: 'text', text: part.needText('text') }
}

function readImage(part: Fields): ImagePart {
  const image = part.needFields('image_url')
  const source = readSource(image.needText('url'))
  if (source === undefined) throw image.refuse('url', 'only base64 data URLs')
  const read: ImagePart = { type: 'image', at: part.at(), source, detail: image.text('detail') }
  image.end()
  return read
}

function readFile(part: Fields): DocumentPart {
  const file = part.needFields('file')
  file.only('file_id')
  const source = readSource(file.needText('file_data'))
  if (source?.type !== 'base64') throw file.refuse('file_data', 'only base64 data URLs')
  const read: DocumentPart = {
    type: 'document',
    at: part.at(),
    source,
    name: file.text('filename'),
  }
  file.end()
  return read
}
