// Starts the real server as an operator would, and speaks its control API through the SDK.

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClient, type Client } from '@airworthy/sdk'
import { isRecord, startProgram, textField } from './processes.ts'

export type Airworthy = {
  readonly url: string
  readonly pid: number
  readonly databaseUrl: string
  readonly operatorKey: string
  readonly client: Client
  readonly stop: () => Promise<void>
} & AsyncDisposable

export const repository = fileURLToPath(new URL('../', import.meta.url))

const readyWithinMs = 60_000

/**
 * A server on a data directory of its own, removed with it. Without `databaseUrl` it runs on an
 * embedded PostgreSQL there; a second server on its database needs the first one's operator key.
 */
export async function startAirworthy(
  options: { databaseUrl?: string; operatorKey?: string } = {},
): Promise<Airworthy> {
  const dataDir = await mkdtemp(join(tmpdir(), 'airworthy-bench-'))
  const server = await startProgram({
    name: 'airworthy',
    args: [join(repository, 'server/bin/airworthy.js'), 'serve', '--json', '--port', '0'],
    env: { AIRWORTHY_DATA: dataDir, DATABASE_URL: options.databaseUrl ?? '' },
    readyWithinMs,
  })
  const stop = async () => {
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
  try {
    const url = textField(server.ready, 'listening')
    const operatorKey = options.operatorKey ?? (await readOperatorKey(server.ready))
    const databaseUrl = options.databaseUrl ?? (await embeddedDatabaseUrl(dataDir))
    const client = createClient({ baseUrl: url, key: operatorKey })
    const { pid } = server
    return { url, pid, databaseUrl, client, operatorKey, stop, [Symbol.asyncDispose]: stop }
  } catch (thrown) {
    await stop()
    throw thrown
  }
}

async function readOperatorKey(ready: Readonly<Record<string, unknown>>): Promise<string> {
  return (await readFile(textField(ready, 'operatorKeyFile'), 'utf8')).trim()
}

async function embeddedDatabaseUrl(dataDir: string): Promise<string> {
  const parsed: unknown = JSON.parse(await readFile(join(dataDir, 'postgres.json'), 'utf8'))
  if (!isRecord(parsed)) throw new TypeError('postgres.json is not an object')
  return textField(parsed, 'url')
}
