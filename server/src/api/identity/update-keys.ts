// The keys that write the logs of DIDs. With pre-rotation each key signs one entry, and was committed
// to by the entry before: there is one live private key for each DID, the next one.
import { multikeyOf } from '../../core/identity/public-key.ts'
import { keyNames, type Signer } from '../../adapters/signer/signer.ts'

export type UpdateKey = {
  readonly name: string
  readonly multikey: string
  readonly sign: (input: Buffer) => Promise<Buffer>
}

/** The update key of this generation, made when there is none. */
export async function ensureUpdateKey(
  signer: Signer,
  of: { readonly subjectId: string; readonly generation: number },
): Promise<UpdateKey> {
  const name = keyNames.update(of.subjectId, of.generation)
  const { publicKey } = await signer.ensure(name, 'ed25519')
  return updateKeyOf(signer, name, publicKey)
}

/** Undefined when the signer has lost it, or never had it. */
export async function findUpdateKey(
  signer: Signer,
  of: { readonly subjectId: string; readonly generation: number },
): Promise<UpdateKey | undefined> {
  const name = keyNames.update(of.subjectId, of.generation)
  const found = await signer.find(name)
  return found === undefined ? undefined : updateKeyOf(signer, name, found.publicKey)
}

function updateKeyOf(signer: Signer, name: string, bytes: Buffer): UpdateKey {
  const multikey = multikeyOf({ algorithm: 'ed25519', bytes })
  return { name, multikey, sign: (input) => signer.sign(name, input) }
}
