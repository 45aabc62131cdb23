// What one start keeps for the next: the agent's keys, which nobody else has, and the
// ports, because other addresses in the manifest would make a new version of the agent.
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PrivateJwk } from '@airworthy/sdk'
import { z } from 'zod'

const FILE = 'flight.json'
const MODE = 0o600

const stateSchema = z.looseObject({
  apiKey: z.string().optional(),
  signingKey: z
    .object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), d: z.string() })
    .optional(),
  shopPort: z.int().optional(),
  modelPort: z.int().optional(),
})

export type KeptState = {
  readonly apiKey?: string | undefined
  readonly signingKey?: PrivateJwk | undefined
  readonly shopPort?: number | undefined
  readonly modelPort?: number | undefined
}

/** A file that is missing or broken keeps nothing: all of it can be made again. */
export async function readKept(dataDir: string): Promise<KeptState> {
  try {
    return stateSchema.parse(JSON.parse(await readFile(join(dataDir, FILE), 'utf8')))
  } catch {
    return {}
  }
}

export async function writeKept(dataDir: string, state: KeptState): Promise<void> {
  const path = join(dataDir, FILE)
  await writeFile(`${path}.new`, `${JSON.stringify(state)}\n`, { mode: MODE })
  // At once or not at all, whenever this process is killed.
  await rename(`${path}.new`, path)
}
