// How a payload is encrypted under its subject's key and committed to without being revealed.
// Destroying the key destroys the salt with the text, so the commitment says nothing any more.
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'

const nonceBytes = 12
const saltBytes = 32
const tagBytes = 16
export const sealRandomBytes: number = nonceBytes + saltBytes

/**
 * AES-256-GCM (NIST SP 800-38D) over salt || text. `random` is 44 fresh random bytes: the nonce
 * and the salt. Gives nonce || ciphertext || tag, and HMAC-SHA-256(salt, text) in base64url.
 */
export function seal(
  key: Buffer,
  text: Buffer,
  random: Buffer,
): { sealed: Buffer; commitment: string } {
  if (random.length !== sealRandomBytes) throw new RangeError('seal needs 44 random bytes')
  const nonce = random.subarray(0, nonceBytes)
  const salt = random.subarray(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const body = cipher.update(Buffer.concat([salt, text]))
  const tail = cipher.final()
  const sealed = Buffer.concat([nonce, body, tail, cipher.getAuthTag()])
  return { sealed, commitment: commit(salt, text) }
}

/** Opens what `seal` made. Throws when key or bytes are not the ones that were sealed. */
export function open(key: Buffer, sealed: Buffer): { text: Buffer; commitment: string } {
  const nonce = sealed.subarray(0, nonceBytes)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce)
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes))
  const plain = Buffer.concat([
    decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes)),
    decipher.final(),
  ])
  const salt = plain.subarray(0, saltBytes)
  const text = plain.subarray(saltBytes)
  return { text, commitment: commit(salt, text) }
}

function commit(salt: Buffer, text: Buffer): string {
  return createHmac('sha256', salt).update(text).digest('base64url')
}
