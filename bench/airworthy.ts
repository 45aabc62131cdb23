// Starts the real server as an operator would, and speaks its control API through the SDK.

import { randomBytes } from 'node:crypto'
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
  readonly masterKey: string
  readonly client: Client
  readonly stop: () => Promise<void>
} & AsyncDisposable

export const repository = fileURLToPath(new URL('../', import.meta.url))

const readyWithinMs = 60_000

/**
 * A server on a data directory of its own, removed with it. Without options it runs on an embedded
 * PostgreSQL there; `replicaOf` makes it one more gateway of a server that runs already; `env` is
 * more of its environment.
 */
export async function startAirworthy(
  options: {
    databaseUrl?: string | undefined
    replicaOf?: Airworthy
    env?: Readonly<Record<string, string>>
  } = {},
): Promise<Airworthy> {
  const { replicaOf } = options
  const givenUrl = replicaOf?.databaseUrl ?? options.databaseUrl
  const masterKey = replicaOf?.masterKey ?? randomBytes(32).toString('base64')
  const dataDir = await mkdtemp(join(tmpdir(), 'airworthy-bench-'))
  await using cleanUp = new AsyncDisposableStack()
  cleanUp.defer(() => rm(dataDir, { recursive: true, force: true }))
  const server = cleanUp.use(
    await startProgram({
      name: 'airworthy',
      args: [join(repository, 'server/bin/airworthy.js'), 'serve', '--json', '--port', '0'],
      env: {
        AIRWORTHY_DATA: dataDir,
        AIRWORTHY_MASTER_KEY: masterKey,
        DATABASE_URL: givenUrl ?? '',
        ...options.env,
      },
      readyWithinMs,
    }),
  )
  const url = textField(server.ready, 'listening')
  const operatorKey = replicaOf?.operatorKey ?? (await readOperatorKey(server.ready))
  const databaseUrl = givenUrl ?? (await embeddedDatabaseUrl(dataDir))
  const client = createClient({ baseUrl: url, key: operatorKey })
  // From here on it is the caller who stops the server; until here a failure did.
  const running = cleanUp.move()
  const stop = () => running.disposeAsync()
  const access = { url, pid: server.pid, databaseUrl, operatorKey, masterKey, client }
  return { ...access, stop, [Symbol.asyncDispose]: stop }
}

async function readOperatorKey(ready: Readonly<Record<string, unknown>>): Promise<string> {
  return (await readFile(textField(ready, 'operatorKeyFile'), 'utf8')).trim()
}

async function embeddedDatabaseUrl(dataDir: string): Promise<string> {
  const parsed: unknown = JSON.parse(await readFile(join(dataDir, 'postgres.json'), 'utf8'))
  if (!isRecord(parsed)) throw new TypeError('postgres.json is not an object')
  return textField(parsed, 'url')
}
