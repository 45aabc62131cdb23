// The verifier's cryptography from Node.js, which knows ML-DSA beside Ed25519.
import { hash, verify } from 'node:crypto'
import type { AuditCrypto, BundleIdentity } from '@airworthy/sdk'
import { AirworthyError } from '../core/errors.ts'
import { assertSafeEd25519Key, ed25519PublicKey, verifyEd25519 } from '../core/identity/ed25519.ts'
import { verifyWebvhLog } from '../core/identity/webvh-log.ts'
import { mlDsaKey } from '../core/tlog/note-key.ts'

export const nodeCrypto: AuditCrypto = {
  sha256: (bytes) => new Uint8Array(hash('sha256', bytes, 'buffer')),
  verifyEd25519: async ({ key, message, signature }) => {
    // A key of low order verifies any message.
    assertSafeEd25519Key(Buffer.from(key))
    return verifyEd25519(ed25519PublicKey(Buffer.from(key)), Buffer.from(message), signature)
  },
  verifyMlDsa44: async ({ key, message, signature }) =>
    verify(null, message, mlDsaKey(key), signature),
}

/** Verifies the history of a DID by its own proofs. Gives why it is refused. */
export async function checkIdentity(identity: BundleIdentity): Promise<string | undefined> {
  const { id: did, log, witnesses } = identity
  try {
    verifyWebvhLog({ did, log, witnesses, nowMs: Date.now() })
    return undefined
  } catch (thrown) {
    if (thrown instanceof AirworthyError) return thrown.message
    throw thrown
  }
}
