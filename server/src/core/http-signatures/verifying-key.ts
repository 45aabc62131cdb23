// Public keys that verify signatures of messages. The algorithm is the key's, whatever the message
// says: else who sends it could choose a weaker one.
import { type KeyObject, verify } from 'node:crypto'
import { type PublicKey, type PublicKeyAlgorithm, publicKeyObject } from '../identity/public-key.ts'

export type VerifyingKey = { readonly algorithm: PublicKeyAlgorithm; readonly key: KeyObject }

/** Names of RFC 9421, section 6.2. */
export const algorithmNames: Readonly<Record<PublicKeyAlgorithm, string>> = {
  ed25519: 'ed25519',
  es256: 'ecdsa-p256-sha256',
}

/** The key must have been found safe when it was enrolled. */
export function verifyingKeyOf(key: PublicKey): VerifyingKey {
  return { algorithm: key.algorithm, key: publicKeyObject(key) }
}

const signatureBytes = 64

/** Whether the signature of the base is the key's. */
export function isSignedBy(key: VerifyingKey, base: string, signature: Buffer): boolean {
  if (signature.length !== signatureBytes) return false
  const message = Buffer.from(base)
  if (key.algorithm === 'ed25519') return verify(null, message, key.key, signature)
  return verify('sha256', message, { key: key.key, dsaEncoding: 'ieee-p1363' }, signature)
}
