// Content-Digest (RFC 9530): SHA-256 over the bytes of the body as they were received.
import { hash } from 'node:crypto'
import { readDictionary } from './signature-fields.ts'

export function contentDigest(body: Uint8Array): string {
  return `sha-256=:${hash('sha256', body, 'base64')}:`
}

/**
 * Whether the field names the SHA-256 of the body. Other digests beside it are not looked at: the
 * field as a whole is signed. Throws `signature.malformed`.
 */
export function isDigestOf(field: string, body: Uint8Array): boolean {
  const digest = contentDigest(body)
  if (field === digest) return true
  const [bytes] = readDictionary('Content-Digest', field).get('sha-256') ?? []
  if (!(bytes instanceof ArrayBuffer)) return false
  return `sha-256=:${Buffer.from(bytes).toString('base64')}:` === digest
}
