// Which Ed25519 public keys are safe to enrol (RFC 8032). OpenSSL imports any 32 bytes. Under a key of
// low order many verifiers take one signature for every message; an encoding that is not canonical
// gives one key two names; under a key of mixed order verifiers disagree.
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { AirworthyError } from '../errors.ts'

export const ed25519KeyBytes = 32
export const ed25519SignatureBytes = 64

/** Why a key is refused. `mixed-order`: it is no multiple of the base point, so no secret made it. */
export type Ed25519KeyFault = 'length' | 'non-canonical' | 'off-curve' | 'low-order' | 'mixed-order'

/** The 32 bytes of RFC 8032. Throws `identity.key_unsafe`, with the fault, unless they are safe. */
export function assertSafeEd25519Key(key: Uint8Array): void {
  const fault = ed25519KeyFault(key)
  if (fault === undefined) return
  const message = `the Ed25519 public key is refused: ${faultTexts[fault]}`
  throw new AirworthyError('identity.key_unsafe', message, { detail: { fault } })
}

const faultTexts: Readonly<Record<Ed25519KeyFault, string>> = {
  length: 'it is not 32 bytes long',
  'non-canonical': 'its encoding is not canonical',
  'off-curve': 'it is no point of the curve',
  'low-order': 'it is of low order, so that one signature fits every message',
  'mixed-order': 'it is outside the prime-order group, so that verifiers disagree',
}

/** What is wrong with the key; undefined for a safe one. Takes some milliseconds: at enrolment. */
export function ed25519KeyFault(key: Uint8Array): Ed25519KeyFault | undefined {
  if (key.length !== ed25519KeyBytes) return 'length'
  const isOdd = ((key[31] ?? 0) & 0x80) !== 0
  const y = littleEndian(key) & (2n ** 255n - 1n)
  if (y >= prime) return 'non-canonical'
  const x = recoverX(y, isOdd)
  if (x === undefined) return 'off-curve'
  // Zero has no odd negative: the sign bit would give the point a second name.
  if (x === 0n && isOdd) return 'non-canonical'
  const point = { x, y, z: 1n, t: modulo(x * y) }
  if (isIdentity(multiply(point, 8n))) return 'low-order'
  return isIdentity(multiply(point, groupOrder)) ? undefined : 'mixed-order'
}

/** A key for `node:crypto` of the 32 bytes. Does not check that it is safe. */
export function ed25519PublicKey(key: Uint8Array): KeyObject {
  if (key.length !== ed25519KeyBytes) assertSafeEd25519Key(key)
  const der = Buffer.concat([spkiPrefix, key])
  return createPublicKey({ key: der, format: 'der', type: 'spki' })
}

/** Whether the signature of the message is the key's. The key must have been found safe before. */
export function verifyEd25519(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  return signature.length === ed25519SignatureBytes && verify(null, message, key, signature)
}

/** RFC 8410: SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING }, as it stands before a key. */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')

const prime = 2n ** 255n - 19n
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n
const curveD = modulo(-121665n * power(121666n, prime - 2n))
const rootOfMinusOne = power(2n, (prime - 1n) / 4n)

/** Extended coordinates (RFC 8032, 5.1.4): x/z, y/z, and t/z = x*y/z^2. */
type Point = { readonly x: bigint; readonly y: bigint; readonly z: bigint; readonly t: bigint }

const identity: Point = { x: 0n, y: 1n, z: 1n, t: 0n }

function isIdentity(point: Point): boolean {
  return point.x === 0n && point.y === point.z
}

function multiply(point: Point, scalar: bigint): Point {
  let sum = identity
  let doubled = point
  for (let rest = scalar; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) sum = add(sum, doubled)
    doubled = add(doubled, doubled)
  }
  return sum
}

/** The complete addition of RFC 8032: it doubles too, and holds for points of any order. */
function add(left: Point, right: Point): Point {
  const a = modulo((left.y - left.x) * (right.y - right.x))
  const b = modulo((left.y + left.x) * (right.y + right.x))
  const c = modulo(2n * left.t * curveD * right.t)
  const d = modulo(2n * left.z * right.z)
  const [e, f, g, h] = [b - a, d - c, d + c, b + a]
  return { x: modulo(e * f), y: modulo(g * h), z: modulo(f * g), t: modulo(e * h) }
}

/** RFC 8032, 5.1.3: x from y, or undefined when no point has this y. */
function recoverX(y: bigint, isOdd: boolean): bigint | undefined {
  const u = modulo(y * y - 1n)
  const v = modulo(curveD * y * y + 1n)
  const root = modulo(u * v ** 3n * power(modulo(u * v ** 7n), (prime - 5n) / 8n))
  const square = modulo(v * root * root)
  if (square !== u && square !== modulo(-u)) return undefined
  const x = square === u ? root : modulo(root * rootOfMinusOne)
  return ((x & 1n) === 1n) === isOdd ? x : modulo(-x)
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  let square = modulo(base)
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = modulo(result * square)
    square = modulo(square * square)
  }
  return result
}

function modulo(value: bigint): bigint {
  const rest = value % prime
  return rest < 0n ? rest + prime : rest
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte)
  return value
}
