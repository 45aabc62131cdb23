// Knows everything and wires it: database, recorder, gateway, control API, jobs, one HTTP server.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { lockDataDirectory, writePrivateFile } from './adapters/postgres/data-directory.ts'
import { startEmbeddedPostgres } from './adapters/postgres/embedded-postgres.ts'
import type { Config } from './config.ts'
import type { GatewayLog } from './gateway/gateway-log.ts'
import { openDatabase } from './store/database.ts'
import { migrate } from './store/migrate.ts'
import { bootstrapOrganisation } from './store/organisations.ts'
import { readOperatorKeyFile } from './adapters/keys/operator-key-file.ts'
import { ensureOperator } from './store/identity/operators.ts'
import { createGateway } from './wiring/gateway.ts'
import { listen } from './wiring/listen.ts'

export type StartOptions = {
  readonly log: GatewayLog
  readonly onProgress: (message: string) => void
  readonly newOperatorKey?: boolean
}

export type StartedServer = {
  readonly url: string
  readonly operatorKeyFile: string
  readonly embedded: boolean
  /** Refuses new calls, waits for those in flight, gives back what is leased, closes everything. */
  readonly stop: () => Promise<void>
  /** Rejects when the server cannot go on. */
  readonly failed: Promise<never>
}

const migrations = fileURLToPath(new URL('../migrations', import.meta.url))

/** Starts the whole program. Throws `start.*` or `database.*` with what to mend. */
export async function startServer(config: Config, options: StartOptions): Promise<StartedServer> {
  const { log, onProgress } = options
  await using starting = new AsyncDisposableStack()
  const databaseUrl = await startDatabase(config, starting, onProgress)
  const applied = await migrate({ url: databaseUrl, directory: migrations })
  if (applied.applied.length > 0) onProgress(`migrated: ${applied.applied.join(', ')}`)
  const database = openDatabase({
    url: databaseUrl,
    poolMax: config.limits.databaseConnectionsMax,
    onLost: (error) => log('a database connection was lost', { error: error.message }),
  })
  starting.defer(database.close)
  const { db } = database
  const { organisationId } = await bootstrapOrganisation(db)
  const built = await createGateway({ config, starting, db, organisationId, databaseUrl, log })
  const operatorKeyFile = join(config.dataDir, 'operator.key')
  // After the log: it writes an entry where the key is new.
  const ensured = await ensureOperator(db, organisationId, {
    isNewKey: options.newOperatorKey === true,
    file: {
      read: () => readOperatorKeyFile(operatorKeyFile),
      write: (key) => writePrivateFile(operatorKeyFile, `${key}\n`),
    },
  })
  if (ensured === 'missing') {
    onProgress(`${operatorKeyFile} holds no operator key; \`serve --new-operator-key\` makes one`)
  }
  const server = await listen({ config, ...built, starting, log })
  const stack = starting.move()
  return {
    url: server.url,
    operatorKeyFile,
    embedded: config.databaseUrl === undefined,
    stop: () => stack.disposeAsync(),
    failed: Promise.race([server.failed, built.publishedLog.failed]),
  }
}

async function startDatabase(
  config: Config,
  starting: AsyncDisposableStack,
  onProgress: (message: string) => void,
): Promise<string> {
  if (config.databaseUrl !== undefined) {
    starting.use(await lockDataDirectory(config.dataDir))
    return config.databaseUrl
  }
  const embedded = await startEmbeddedPostgres({ dataDir: config.dataDir, onProgress })
  starting.use(embedded)
  return embedded.url
}
