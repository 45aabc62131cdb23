// The worlds of the shop that the runs act in, and those a task should have ended in.
import { randomUUID } from 'node:crypto'
import { canonicalJson } from '../retail/shop/canonical.ts'
import {
  createWorld,
  dropWorlds,
  journalRows,
  openShop,
  runTool,
  worldDigest,
} from '../retail/index.ts'
import type { Shop } from '../retail/index.ts'
import type { Run } from './recording.ts'

export const SEED_NAME = 'tau2'

export type Worlds = AsyncDisposable & {
  /** The digest of the world a session acted in; that of an untouched one if it never did. */
  digestOf(sessionId: string): Promise<string>
  /** Whether that world is as the task's own actions would have left a fresh one. */
  isAsTaskWants(sessionId: string, run: Run): Promise<boolean>
  /** How often this very write was executed in the world of a session. */
  countWrites(sessionId: string, write: { tool: string; arguments: object }): Promise<number>
  readonly shop: Shop
}

export async function openWorlds(databaseUrl: string): Promise<Worlds> {
  const shop = await openShop({ databaseUrl, poolMax: 4 })
  const prefix = `replay-task-${randomUUID()}-`
  const digestOf = async (world: string): Promise<string> => {
    await createWorld(shop, world, SEED_NAME)
    return worldDigest(shop, world)
  }
  return {
    shop,
    digestOf,
    isAsTaskWants: async (sessionId, run) => {
      const wanted = `${prefix}${run.index}`
      await createWorld(shop, wanted, SEED_NAME)
      for (const action of run.goldActions) {
        // An action that errs changes nothing, and some of the tasks have such.
        await runTool(shop, { world: wanted, tool: action.name, arguments: action.arguments })
      }
      return (await digestOf(sessionId)) === (await worldDigest(shop, wanted))
    },
    countWrites: async (sessionId, write) => {
      const rows = await journalRows(shop, { world: sessionId })
      const wanted = canonicalJson(write.arguments)
      return rows.filter(
        (row) => row.tool === write.tool && canonicalJson(row.arguments) === wanted,
      ).length
    },
    [Symbol.asyncDispose]: async () => {
      await dropWorlds(shop, { prefix })
      await shop[Symbol.asyncDispose]()
    },
  }
}
