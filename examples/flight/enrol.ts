// Enrols the example agent and finds the key it calls with.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Agent, Client } from '@airworthy/sdk'
import { fillManifest } from './provider.ts'
import type { Provider } from './provider.ts'

const MANIFEST = 'examples/agents/retail-desk.yaml'

export const TOOL_SERVER = 'shop'

export type EnrolledDesk = {
  readonly agent: Agent
  readonly apiKey: string
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
  },
): Promise<EnrolledDesk> {
  const text = await readFile(join(options.checkout, MANIFEST), 'utf8')
  const manifest = fillManifest(text, options)
  const { agent, created, apiKey, warnings } = await client.enrolAgent({ manifest, file: MANIFEST })
  const key = apiKey ?? (await goodKey(client, agent.id, options.keptKey))
  return {
    agent,
    apiKey: key ?? (await client.issueKey(agent.id)).apiKey,
    isNew: created.agent,
    hasNewVersion: created.version,
    warnings,
  }
}

/** The kept key may be of another database, or revoked. The server knows keys by their prefix. */
async function goodKey(
  client: Client,
  agentId: string,
  kept: string | undefined,
): Promise<string | undefined> {
  if (kept === undefined) return undefined
  const { keys } = await client.getAgent(agentId)
  const isGood = keys.some(({ prefix, revokedAt }) => revokedAt === null && kept.startsWith(prefix))
  return isGood ? kept : undefined
}
