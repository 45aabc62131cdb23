// The organisation's key for replies, as the gateway uses it.
import type { ReplySigner } from '../../core/http-signatures/response-profile.ts'
import { thumbprintOf } from '../../core/identity/public-key.ts'
import { keyNames, type Signer } from './signer.ts'

/** Makes the key when there is none. Throws `identity.signer_failed`. */
export async function createReplySigner(signer: Signer): Promise<ReplySigner> {
  const { publicKey: bytes } = await signer.ensure(keyNames.responses, 'ed25519')
  return {
    thumbprint: thumbprintOf({ algorithm: 'ed25519', bytes }),
    sign: (message) => signer.sign(keyNames.responses, message),
  }
}
