// What one start keeps for the next: the agent's key, which the server shows only once, and the
// ports, because other addresses in the manifest would make a new version of the agent.
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const FILE = 'flight.json'
const MODE = 0o600

const stateSchema = z.looseObject({
  apiKey: z.string().optional(),
  shopPort: z.int().optional(),
  modelPort: z.int().optional(),
})

export type KeptState = {
  readonly apiKey?: string | undefined
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
