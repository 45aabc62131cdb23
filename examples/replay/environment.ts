// What a replay runs in: a server, the shop, the worlds. Started here unless it was given.
import { readFile } from 'node:fs/promises'
import { createClient } from '@airworthy/sdk'
import type { Client } from '@airworthy/sdk'
import { readPrompt } from './agent.ts'
import type { Prompt } from './connection.ts'
import {
  createDataDirectory,
  readPostgres,
  removeDataDirectory,
  startServer,
  startShop,
} from './services.ts'
import type { Server } from './services.ts'
import { seedDirectory } from './shared-data.ts'
import { openWorlds } from './worlds.ts'
import type { Worlds } from './worlds.ts'

export type Environment = AsyncDisposable & {
  readonly client: Client
  readonly shopMcpUrl: string
  readonly databaseUrl: string
  readonly worlds: Worlds
  readonly prompt: Prompt
  /** Set when the server was started here. */
  readonly server: Server | null
}

export type GivenServer = {
  readonly url: string
  readonly operatorKeyFile: string
  readonly databaseUrl: string
}

export type EnvironmentOptions = {
  readonly dataDirectory: string
  readonly given?: GivenServer
  /** For a server of its own: an external PostgreSQL instead of the embedded one. */
  readonly databaseUrl?: string
  readonly port?: number
  readonly shopDelayMs?: number
  readonly shopDelayAfterCommitMs?: number
}

/** Starts what is missing, in the order of need; disposal stops and removes only that. */
export async function openEnvironment(options: EnvironmentOptions): Promise<Environment> {
  await using opened = new AsyncDisposableStack()
  const prompt = await readPrompt(options.dataDirectory)
  const server = options.given === undefined ? await ownServer(opened, options) : null
  const access =
    server === null ? options.given : { ...server, ...(await accessOf(server, options)) }
  if (access === undefined) throw new Error('a replay needs a server')
  const { databaseUrl } = access
  const shop = await startShop({
    databaseUrl,
    seedDirectory: seedDirectory(options.dataDirectory),
    delayMs: options.shopDelayMs ?? 0,
    delayAfterCommitMs: options.shopDelayAfterCommitMs ?? 0,
  })
  opened.defer(shop.stop)
  const worlds = opened.use(await openWorlds(databaseUrl))
  const key = (await readFile(access.operatorKeyFile, 'utf8')).trim()
  const client = createClient({ baseUrl: access.url, key })
  const kept = opened.move()
  return {
    client,
    shopMcpUrl: shop.mcpUrl,
    databaseUrl,
    worlds,
    prompt,
    server,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

async function ownServer(
  opened: AsyncDisposableStack,
  options: EnvironmentOptions,
): Promise<Server> {
  const dataDirectory = await createDataDirectory()
  opened.defer(() => removeDataDirectory(dataDirectory))
  const server = await startServer({
    dataDirectory,
    port: options.port ?? 0,
    ...(options.databaseUrl === undefined ? {} : { databaseUrl: options.databaseUrl }),
  })
  opened.defer(server.stop)
  return server
}

async function accessOf(
  server: Server,
  options: EnvironmentOptions,
): Promise<{ databaseUrl: string }> {
  if (options.databaseUrl !== undefined) return { databaseUrl: options.databaseUrl }
  const { url } = await readPostgres(server.dataDirectory)
  return { databaseUrl: url }
}
