// What a signature of a request must be: one that covers all that the gateway acts on, is valid for
// a minute at most, and is a Web Bot Auth signature as well.
import { AirworthyError } from '../errors.ts'
import type { MessageSignature } from './signature-fields.ts'

/** Of both: what a Web Bot Auth verifier looks for, and the one signature that is looked at here. */
export const requestTag = 'web-bot-auth'
export const lifetimeSecondsMax = 60
export const skewSeconds = 5

const always = ['@method', '@authority', '@path', '@query']
/** Credentials, what says how the body is to be read, and what models and tool servers heed. */
const whenSent = new Set([
  'content-type',
  'content-encoding',
  'content-digest',
  'authorization',
  'x-api-key',
  'anthropic-beta',
  'anthropic-version',
  'openai-beta',
  'mcp-session-id',
  'last-event-id',
])
const ownPrefix = 'airworthy-'
const nonceShape = /^[A-Za-z0-9+/_=-]{22,128}$/

/** Whether a nonce is one that may stand between quotes as it is. */
export function isNonce(text: string): boolean {
  return nonceShape.test(text)
}
const thumbprintShape = /^[A-Za-z0-9_-]{43}$/

/** A signature whose parameters are as they must be. Times are milliseconds since 1970. */
export type ClaimedSignature = {
  readonly nonce: string
  /** RFC 7638 thumbprint of the signing key. */
  readonly keyId: string
  readonly expiresAtMs: number
}

/**
 * Checks all but the key, the signature's bytes and the nonce. Throws `signature.incomplete`,
 * `signature.malformed` or `signature.stale`.
 */
export function checkRequestProfile(
  signature: MessageSignature,
  request: { readonly fieldNames: readonly string[]; readonly nowMs: number },
): ClaimedSignature {
  checkCoverage(signature, request.fieldNames)
  const { nonce, keyId, created, expires } = signature
  if (
    nonce === undefined ||
    keyId === undefined ||
    created === undefined ||
    expires === undefined
  ) {
    const message = 'the signature must have created, expires, nonce and keyid'
    throw new AirworthyError('signature.incomplete', message)
  }
  if (!isNonce(nonce)) {
    const message = 'the nonce must be 128 random bits or more, in base64'
    throw new AirworthyError('signature.malformed', message)
  }
  if (!thumbprintShape.test(keyId)) {
    const message = 'the keyid must be the RFC 7638 thumbprint of the key'
    throw new AirworthyError('signature.malformed', message)
  }
  checkTime(created, expires, request.nowMs / 1000)
  return { nonce, keyId, expiresAtMs: expires * 1000 }
}

function checkCoverage(signature: MessageSignature, fieldNames: readonly string[]): void {
  const covered = new Set<string>()
  for (const { name, key, isOfRequest } of signature.components) {
    if (isOfRequest) throw incomplete('nothing of a request that is answered can be covered here')
    if (name === 'signature-agent' ? key === signature.label : key === undefined) covered.add(name)
  }
  const missing = always.filter((name) => !covered.has(name))
  for (const name of fieldNames) {
    const isNeeded = whenSent.has(name) || name.startsWith(ownPrefix)
    if (isNeeded && !covered.has(name)) missing.push(name)
  }
  if (!covered.has('signature-agent')) missing.push(`signature-agent;key="${signature.label}"`)
  if (missing.length > 0) throw incomplete(`the signature must also cover ${missing.join(', ')}`)
}

function checkTime(created: number, expires: number, nowSeconds: number): void {
  const stale = (message: string): AirworthyError =>
    new AirworthyError('signature.stale', message, { detail: { created, expires } })
  if (expires <= created || expires - created > lifetimeSecondsMax) {
    throw stale(`a signature may live ${lifetimeSecondsMax} seconds, and must expire`)
  }
  if (created > nowSeconds + skewSeconds) throw stale('the signature was made in the future')
  if (expires < nowSeconds - skewSeconds) throw stale('the signature has expired')
}

function incomplete(message: string): AirworthyError {
  return new AirworthyError('signature.incomplete', message)
}
