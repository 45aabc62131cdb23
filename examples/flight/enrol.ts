// Enrols the example agent and finds the keys it calls with: one that it sends, and one that signs.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Agent, type Client, generateSigningKey, type PrivateJwk } from '@airworthy/sdk'
import { fillManifest } from './provider.ts'
import type { Provider } from './provider.ts'

const MANIFEST = 'examples/agents/retail-desk.yaml'

export const TOOL_SERVER = 'shop'

export type EnrolledDesk = {
  readonly agent: Agent
  readonly apiKey: string
  readonly signingKey: PrivateJwk
  readonly isNew: boolean
  readonly hasNewVersion: boolean
  readonly warnings: readonly string[]
}

/** The same manifest again changes nothing; a key that is kept and still good is used again. */
export async function enrolDesk(
  client: Client,
  options: {
    readonly checkout: string
    readonly provider: Provider
    readonly shopMcpUrl: string
    readonly keptKey: string | undefined
    readonly keptSigningKey: PrivateJwk | undefined
  },
): Promise<EnrolledDesk> {
  const text = await readFile(join(options.checkout, MANIFEST), 'utf8')
  const manifest = fillManifest(text, options)
  const { agent, created, warnings } = await client.enrolAgent({ manifest, file: MANIFEST })
  const signingKey = options.keptSigningKey ?? (await generateSigningKey()).privateJwk
  const { kty, crv, x } = signingKey
  const { thumbprint } = await client.addPublicKey(agent.id, { jwk: { kty, crv, x } })
  const kept = await goodKey(client, { agentId: agent.id, thumbprint, key: options.keptKey })
  return {
    agent,
    // Bound to the signing key: whoever steals it alone has nothing.
    apiKey: kept ?? (await client.issueKey(agent.id, { thumbprint })).apiKey,
    signingKey,
    isNew: created.agent,
    hasNewVersion: created.version,
    warnings,
  }
}

/** The kept key may be of another database, or revoked. The server knows keys by their prefix. */
async function goodKey(
  client: Client,
  of: { readonly agentId: string; readonly thumbprint: string; readonly key: string | undefined },
): Promise<string | undefined> {
  const { key } = of
  if (key === undefined) return undefined
  const { keys } = await client.getAgent(of.agentId)
  const isGood = keys.some(({ prefix, revokedAt, thumbprint }) => {
    const isBound = thumbprint === of.thumbprint
    return isBound && revokedAt === null && key.startsWith(prefix)
  })
  return isGood ? key : undefined
}
