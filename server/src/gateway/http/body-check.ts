// What a body must pass before anybody sees it: a signed request names the digest of its body, and
// the digest is taken over the bytes that arrived.
import type { IncomingMessage } from 'node:http'
import { isDigestOf } from '../../core/http-signatures/content-digest.ts'
import { AirworthyError } from '../../core/errors.ts'

const signedDigests = new WeakMap<IncomingMessage, string | undefined>()

/** Must be called before the body is read. Undefined: what was signed has no body. */
export function expectDigest(request: IncomingMessage, digest: string | undefined): void {
  signedDigests.set(request, digest)
}

/** Throws `signature.incomplete` or `signature.digest_mismatch`. */
export function checkBody(request: IncomingMessage, body: Uint8Array): void {
  if (!signedDigests.has(request)) return
  const digest = signedDigests.get(request)
  if (digest === undefined) {
    if (body.length === 0) return
    const message = 'the signature of a request with a body must cover content-digest'
    throw new AirworthyError('signature.incomplete', message)
  }
  if (isDigestOf(digest, body)) return
  const message = 'content-digest is not the SHA-256 of the body that arrived'
  throw new AirworthyError('signature.digest_mismatch', message)
}
