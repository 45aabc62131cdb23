// Content in a URL of its own (RFC 2397), as OpenAI's wires carry images and files.
import type { Source } from './conversation.ts'

/** A source from a URL: its content where it is a base64 data URL. Undefined for other data URLs. */
export function readSource(url: string): Source | undefined {
  if (!/^data:/i.test(url)) return { type: 'url', url }
  const comma = url.indexOf(',')
  const [mediaType, ...parameters] = url.slice(5, comma === -1 ? 5 : comma).split(';')
  const isBase64 = parameters.at(-1)?.toLowerCase() === 'base64'
  if (comma === -1 || !isBase64 || mediaType === undefined || mediaType === '') return undefined
  return { type: 'base64', mediaType: mediaType.toLowerCase(), data: url.slice(comma + 1) }
}

export function writeSource(source: Source): string {
  if (source.type === 'url') return source.url
  return `data:${source.mediaType};base64,${source.data}`
}
