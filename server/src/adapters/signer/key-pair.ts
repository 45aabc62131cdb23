// Key pairs of the algorithms that a signer knows: made, read and used with node:crypto.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import type { SigningAlgorithm } from './signer.ts'

const publicKeyBytes: Readonly<Record<SigningAlgorithm, number>> = {
  ed25519: 32,
  es256: 65,
  'ml-dsa-44': 1312,
}

export const signatureBytes: Readonly<Record<SigningAlgorithm, number>> = {
  ed25519: 64,
  es256: 64,
  'ml-dsa-44': 2420,
}

/** The raw public key stands at the end of the SPKI of each of these. */
export function rawPublicKey(algorithm: SigningAlgorithm, key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(-publicKeyBytes[algorithm])
}

export function isPublicKeyLength(algorithm: SigningAlgorithm, bytes: number): boolean {
  return publicKeyBytes[algorithm] === bytes
}

export function makePrivateKey(algorithm: SigningAlgorithm): KeyObject {
  if (algorithm === 'ed25519') return generateKeyPairSync('ed25519').privateKey
  if (algorithm === 'ml-dsa-44') return generateKeyPairSync('ml-dsa-44').privateKey
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

export function readPrivateKey(pkcs8: Buffer): KeyObject {
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
}

export function publicHalf(key: KeyObject): KeyObject {
  return createPublicKey(key)
}

export function signWith(algorithm: SigningAlgorithm, key: KeyObject, message: Uint8Array): Buffer {
  if (algorithm !== 'es256') return sign(null, message, key)
  return sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' })
}

export function parseAlgorithm(value: unknown): SigningAlgorithm | undefined {
  return value === 'ed25519' || value === 'es256' || value === 'ml-dsa-44' ? value : undefined
}
