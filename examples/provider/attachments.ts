// Images and documents as the wires carry them. The fake looks at the bytes only to say which it got.
import type { Attachment } from './asked.ts'
import { sha256Hex } from './digest.ts'
import { field, textField } from './json.ts'

type Kind = Attachment['kind']

export function fromData(kind: Kind, media: string, base64: string): Attachment {
  const bytes = Buffer.from(base64, 'base64')
  const sha256 = sha256Hex(bytes)
  return { kind, media, source: 'data', where: '', bytes: bytes.length, sha256 }
}

export function fromText(media: string, text: string): Attachment {
  return fromData('document', media, Buffer.from(text).toString('base64'))
}

export function fromReference(kind: Kind, source: 'url' | 'file', where: string): Attachment {
  return { kind, media: '', source, where, bytes: 0, sha256: '' }
}

/** An address that may be a `data:` one. */
export function fromUrl(kind: Kind, url: string): Attachment {
  const [, media, base64] = /^data:([^;,]*);base64,(.*)$/s.exec(url) ?? []
  if (media === undefined || base64 === undefined) return fromReference(kind, 'url', url)
  return fromData(kind, media, base64)
}

/** OpenAI's file parts: `file_data` (a data URL), `file_url` or `file_id`. */
export function fromFile(file: unknown): Attachment | undefined {
  const data = textField(file, 'file_data')
  if (data !== undefined) return fromUrl('document', data)
  const url = textField(file, 'file_url')
  if (url !== undefined) return fromReference('document', 'url', url)
  const id = textField(file, 'file_id')
  return id === undefined ? undefined : fromReference('document', 'file', id)
}

/** Anthropic's `source`, of an image or a document. */
export function fromSource(kind: Kind, source: unknown): Attachment | undefined {
  const media = textField(source, 'media_type') ?? ''
  switch (field(source, 'type')) {
    case 'base64':
      return fromData(kind, media, textField(source, 'data') ?? '')
    case 'text':
      return fromText(media, textField(source, 'data') ?? '')
    case 'url':
      return fromReference(kind, 'url', textField(source, 'url') ?? '')
    case 'file':
      return fromReference(kind, 'file', textField(source, 'file_id') ?? '')
    default:
      return undefined
  }
}

/** What an attachment adds to the prompt, by the fake's rule. */
export function attachmentTokens({ kind, bytes }: Attachment): number {
  return kind === 'image' ? 85 : 200 + Math.ceil(bytes / 16)
}

/** How the fake tells which attachment it got. */
export function describeAttachment(attachment: Attachment): string {
  const { kind, media, source, where, bytes, sha256 } = attachment
  if (source !== 'data') return `${kind} at ${where}`
  return `${kind} ${media} of ${bytes} bytes, sha256 ${sha256.slice(0, 16)}`
}
