// A public key, read strictly from the forms that people hand in: JWK, SPKI (PEM or DER), multikey.
// Whatever is read here is canonical and safe to enrol.
import { createPublicKey, hash, type KeyObject } from 'node:crypto'
import { AirworthyError } from '../errors.ts'
import { assertSafeEd25519Key, ed25519PublicKey } from './ed25519.ts'
import { decodeBase58, encodeBase58 } from './base58.ts'

export type PublicKeyAlgorithm = 'ed25519' | 'es256'

export type PublicKey = {
  readonly algorithm: PublicKeyAlgorithm
  /** 32 bytes of Ed25519; 65 (SEC 1, uncompressed) of P-256. */
  readonly bytes: Buffer
}

/** RFC 8037 and RFC 7518: the members that make the key, and no other. */
export type PublicJwk =
  | { readonly crv: 'Ed25519'; readonly kty: 'OKP'; readonly x: string }
  | { readonly crv: 'P-256'; readonly kty: 'EC'; readonly x: string; readonly y: string }

const coordinateBytes = 32
/** Unsigned varints of the multicodec table: ed25519-pub, p256-pub. */
const multicodecs: Readonly<Record<PublicKeyAlgorithm, Buffer>> = {
  ed25519: Buffer.from([0xed, 0x01]),
  es256: Buffer.from([0x80, 0x24]),
}

/**
 * Reads a JWK. Throws `identity.key_invalid` for another type, a member that is not canonical
 * base64url, or a private member: a secret that was sent has to be replaced, not stored.
 * `identity.key_unsafe` for an unsafe key.
 */
export function parseJwk(value: unknown): PublicKey {
  const jwk = new Map<string, unknown>(
    typeof value === 'object' && value !== null ? Object.entries(value) : [],
  )
  for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']) {
    if (!jwk.has(secret)) continue
    throw invalid(
      `the JWK holds the private member ${secret}; send the public key, make a new pair`,
    )
  }
  const algorithm = algorithmOfJwk(jwk.get('kty'), jwk.get('crv'))
  const named = jwk.get('alg')
  const allowed = algorithm === 'ed25519' ? ['EdDSA', 'Ed25519'] : ['ES256']
  if (named !== undefined && !allowed.some((each) => each === named)) {
    throw invalid(`the JWK's alg must be ${allowed.join(' or ')}`)
  }
  if (jwk.get('use') !== undefined && jwk.get('use') !== 'sig') {
    throw invalid('the JWK is not for signatures (use)')
  }
  const x = coordinate(jwk.get('x'), 'x')
  if (algorithm === 'ed25519') return safe({ algorithm, bytes: x })
  const y = coordinate(jwk.get('y'), 'y')
  return safe({ algorithm, bytes: Buffer.concat([Buffer.from([4]), x, y]) })
}

function algorithmOfJwk(kty: unknown, crv: unknown): PublicKeyAlgorithm {
  if (kty === 'OKP' && crv === 'Ed25519') return 'ed25519'
  if (kty === 'EC' && crv === 'P-256') return 'es256'
  throw invalid('the JWK must be of Ed25519 (OKP) or P-256 (EC)')
}

function coordinate(value: unknown, name: string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'base64url') : Buffer.alloc(0)
  // Node reads what is almost base64url; only the one canonical text comes back the same.
  if (bytes.length === coordinateBytes && bytes.toString('base64url') === value) return bytes
  throw invalid(`the JWK's ${name} must be 32 bytes in base64url without padding`)
}

/** Reads a `PUBLIC KEY` in PEM or its DER. Throws as `parseJwk` does. */
export function parseSpki(spki: string | Uint8Array): PublicKey {
  const der = typeof spki === 'string' ? derOfPem(spki) : Buffer.from(spki)
  const key = readSpki(der)
  // OpenSSL skips what stands after the key, and takes other encodings of the same.
  if (!key.export({ format: 'der', type: 'spki' }).equals(der)) {
    throw invalid('the public key is not in the canonical form of its type')
  }
  const { kty, crv, x, y } = key.export({ format: 'jwk' })
  return parseJwk({ kty, crv, x, ...(y === undefined ? {} : { y }) })
}

function derOfPem(pem: string): Buffer {
  const found =
    /^\s*-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]{1,2000})-----END PUBLIC KEY-----\s*$/.exec(
      pem,
    )
  if (found?.[1] === undefined)
    throw invalid('expected one PEM block "PUBLIC KEY" and nothing else')
  return Buffer.from(found[1], 'base64')
}

function readSpki(der: Buffer): KeyObject {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' })
  } catch (cause) {
    throw invalid('the public key cannot be read', cause)
  }
}

/** Reads a multikey, `z6Mk...` or `zDn...`. Throws as `parseJwk` does. */
export function parseMultikey(text: string): PublicKey {
  const bytes = text.startsWith('z') ? decodeBase58(text.slice(1)) : undefined
  if (bytes === undefined) throw invalid('a multikey is base58btc after the letter z')
  const [low = 0, high = 0] = bytes
  const rest = bytes.subarray(2)
  if (low === 0xed && high === 0x01) return safe({ algorithm: 'ed25519', bytes: rest })
  if (low !== 0x80 || high !== 0x24 || rest.length !== coordinateBytes + 1) {
    throw invalid('the multikey is neither of Ed25519 nor of P-256')
  }
  return parseSpki(Buffer.from(createPublicKeyOfPoint(rest)))
}

/** The SPKI with the point uncompressed, from one that is compressed. */
function createPublicKeyOfPoint(point: Uint8Array): Uint8Array {
  const compressed = Buffer.concat([compressedP256Prefix, point])
  const { x = '', y = '' } = readSpki(compressed).export({ format: 'jwk' })
  return Buffer.concat([
    p256Prefix,
    Buffer.from([4]),
    Buffer.from(x, 'base64url'),
    Buffer.from(y, 'base64url'),
  ])
}

/** SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING }, as they stand before a point. */
const p256Prefix = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex')
const compressedP256Prefix = Buffer.from(
  '3039301306072a8648ce3d020106082a8648ce3d030107032200',
  'hex',
)

function safe(key: PublicKey): PublicKey {
  if (key.algorithm === 'ed25519') assertSafeEd25519Key(key.bytes)
  else publicKeyObject(key)
  return key
}

/** For `verify` of node:crypto. Throws `identity.key_invalid` for a point that is not on P-256. */
export function publicKeyObject(key: PublicKey): KeyObject {
  if (key.algorithm === 'ed25519') return ed25519PublicKey(key.bytes)
  return readSpki(Buffer.concat([p256Prefix, key.bytes]))
}

export function jwkOf(key: PublicKey): PublicJwk {
  if (key.algorithm === 'ed25519') {
    return { crv: 'Ed25519', kty: 'OKP', x: key.bytes.toString('base64url') }
  }
  const x = key.bytes.subarray(1, 1 + coordinateBytes).toString('base64url')
  const y = key.bytes.subarray(1 + coordinateBytes).toString('base64url')
  return { crv: 'P-256', kty: 'EC', x, y }
}

/** RFC 7638, SHA-256, base64url: the name of the key in signatures and beside API keys. */
export function thumbprintOf(key: PublicKey): string {
  // The members of `jwkOf` stand in the order that RFC 7638 asks for.
  return hash('sha256', JSON.stringify(jwkOf(key)), 'base64url')
}

/** Multikey: multibase base58btc of the multicodec and the key, P-256 compressed. */
export function multikeyOf({ algorithm, bytes }: PublicKey): string {
  return `z${encodeBase58(Buffer.concat([multicodecs[algorithm], compress(algorithm, bytes)]))}`
}

function compress(algorithm: PublicKeyAlgorithm, bytes: Buffer): Buffer {
  if (algorithm === 'ed25519') return bytes
  const sign = ((bytes.at(-1) ?? 0) & 1) === 1 ? 3 : 2
  return Buffer.concat([Buffer.from([sign]), bytes.subarray(1, 1 + coordinateBytes)])
}

function invalid(message: string, cause?: unknown): AirworthyError {
  return new AirworthyError('identity.key_invalid', message, { cause })
}
