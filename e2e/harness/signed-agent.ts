// An agent whose API key is bound to a signing key, and what it needs to sign.
import {
  createSigner,
  generateSigningKey,
  type PrivateJwk,
  type RequestSigner,
} from '@airworthy/sdk'
import { enrol, type Ground } from './ground.ts'
import type { ManifestOptions } from './manifest.ts'

export type SignedAgent = {
  readonly name: string
  readonly apiKey: string
  readonly privateJwk: PrivateJwk
  readonly signer: RequestSigner
}

export async function enrolSigned(
  ground: Pick<Ground, 'server' | 'upstream' | 'tools'>,
  options: Partial<ManifestOptions> & { behaviour?: string } = {},
): Promise<SignedAgent> {
  const { privateJwk, publicJwk } = await generateSigningKey()
  const { name } = await enrol(ground, options)
  const signer = await createSigner(privateJwk)
  const { client } = ground.server
  const { thumbprint } = await client.addPublicKey(name, { jwk: { ...publicJwk } })
  const { apiKey } = await client.issueKey(name, { thumbprint })
  return { name, apiKey, privateJwk, signer }
}
