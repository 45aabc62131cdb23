// The keys of the log as note keys: the shard's own, which signs checkpoints, the mirror's, which
// cosigns them with ML-DSA-44, and this install's as a witness of others.
import { keyNames, type Signer } from '../../adapters/signer/signer.ts'
import { createNoteKey, formatVkey, type NoteKeyType } from '../../core/tlog/note-key.ts'
import type { NoteSigner } from '../../core/tlog/signatures.ts'

export type LogKeys = {
  /** Before `/log/<shard>`: a name like `airworthy.example.com`, without a slash at its end. */
  readonly base: string
  readonly originOf: (shard: string) => string
  /** Signs checkpoints of the log of this origin; also the promises of receipts. */
  readonly logSigner: (origin: string) => NoteSigner
  readonly mirror: NoteSigner
  readonly witness: NoteSigner
}

/** Makes the keys that are missing. Throws `identity.signer_failed`. */
export async function loadLogKeys(options: {
  readonly signer: Signer
  readonly base: string
}): Promise<LogKeys> {
  const { signer, base } = options
  const log = await signer.ensure(keyNames.log, 'ed25519')
  const mirror = await signer.ensure(keyNames.logPostQuantum, 'ml-dsa-44')
  const witness = await signer.ensure(keyNames.witness, 'ed25519')
  const noteSigner = (of: {
    readonly keyName: string
    readonly name: string
    readonly type: NoteKeyType
    readonly publicKey: Buffer
  }): NoteSigner => ({
    key: createNoteKey({ name: of.name, type: of.type, publicKey: of.publicKey }),
    sign: (message) => signer.sign(of.keyName, message),
  })
  const signers = new Map<string, NoteSigner>()
  const logSigner = (origin: string): NoteSigner => {
    const known = signers.get(origin)
    if (known !== undefined) return known
    const { publicKey } = log
    const made = noteSigner({ keyName: keyNames.log, name: origin, type: 'ed25519', publicKey })
    signers.set(origin, made)
    return made
  }
  return {
    base,
    originOf: (shard) => `${base}/log/${shard}`,
    logSigner,
    mirror: noteSigner({
      keyName: keyNames.logPostQuantum,
      name: `${base}/mirror`,
      type: 'ml-dsa-44-cosignature',
      publicKey: mirror.publicKey,
    }),
    witness: noteSigner({
      keyName: keyNames.witness,
      name: `${base}/witness`,
      type: 'ed25519-cosignature',
      publicKey: witness.publicKey,
    }),
  }
}

export function vkeyOf(signer: NoteSigner): string {
  return formatVkey(signer.key)
}
