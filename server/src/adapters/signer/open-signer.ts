import { FileKeystore } from './file-keystore.ts'
import { ProgramSigner } from './program-signer.ts'
import type { Signer } from './signer.ts'

export type SignerSource =
  | { readonly kind: 'program'; readonly command: readonly string[] }
  | { readonly kind: 'file'; readonly path: string; readonly passphrase: string | undefined }

/** The signer that the settings name. Throws `identity.keystore` for a file that does not open. */
export async function openSigner(options: {
  readonly source: SignerSource
  readonly masterKey: Buffer
  /** Of a program: it gets no other variables. */
  readonly inherited: Readonly<Record<string, string>>
}): Promise<Signer> {
  const { source, masterKey, inherited } = options
  if (source.kind === 'program') {
    return new ProgramSigner({ command: source.command, environment: inherited })
  }
  const { path, passphrase } = source
  return FileKeystore.open({
    path,
    secret:
      passphrase === undefined
        ? { kind: 'master-key', masterKey }
        : { kind: 'passphrase', passphrase },
  })
}
