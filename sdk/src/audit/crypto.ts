// What a verifier needs of cryptography. The page in a browser has WebCrypto; the command line gives
// the functions of Node.js, which know ML-DSA too.
import type { Bytes } from './bytes.ts'

export type AuditCrypto = {
  readonly sha256: (bytes: Bytes) => Bytes | Promise<Bytes>
  readonly verifyEd25519: (check: SignatureCheck) => Promise<boolean>
  /** Absent where it cannot be verified: such signatures are then said to be unchecked. */
  readonly verifyMlDsa44?: (check: SignatureCheck) => Promise<boolean>
}

export type SignatureCheck = {
  /** The raw public key. */
  readonly key: Bytes
  readonly message: Bytes
  readonly signature: Bytes
}

/** WebCrypto, as browsers and Node.js have it. */
export function webCrypto(): AuditCrypto {
  const { subtle } = globalThis.crypto
  return {
    sha256: async (bytes) => new Uint8Array(await subtle.digest('SHA-256', bytes)),
    verifyEd25519: async ({ key, message, signature }) => {
      const imported = await subtle.importKey('raw', key, 'Ed25519', false, ['verify'])
      return subtle.verify('Ed25519', imported, signature, message)
    },
  }
}
