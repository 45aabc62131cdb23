// Knows everything and wires it: database, recorder, gateway, control API, jobs, one HTTP server.
import { randomUUIDv7 } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadMasterKey } from './adapters/keys/master-key.ts'
import { lockDataDirectory, writePrivateFile } from './adapters/postgres/data-directory.ts'
import { startEmbeddedPostgres } from './adapters/postgres/embedded-postgres.ts'
import { createApi } from './api/api.ts'
import type { Config } from './config.ts'
import { decideHold, executeHold } from './gateway/execute-hold.ts'
import type { Gateway, GatewayLog } from './gateway/gateway.ts'
import { Identifier } from './gateway/identify.ts'
import { InFlight } from './gateway/in-flight.ts'
import { probeEffect } from './gateway/mcp/probe-effect.ts'
import { McpBackend } from './gateway/mcp/connections.ts'
import { ToolBackends } from './gateway/tools/backends.ts'
import { PactCache } from './gateway/pacts.ts'
import { routeGateway } from './gateway/router.ts'
import { resolveEffect, undoEffect } from './gateway/undo-effect.ts'
import { UpstreamPools } from './gateway/upstream/pools.ts'
import { createHealth } from './api/health.ts'
import { HttpServer } from './adapters/http-server.ts'
import { startMaintenance } from './jobs/maintenance.ts'
import type { OrganisationId } from './core/ids.ts'
import { type Database, openDatabase } from './store/database.ts'
import { migrate } from './store/migrate.ts'
import { bootstrapOrganisation } from './store/organisations.ts'
import { readOperatorKeyFile } from './adapters/keys/operator-key-file.ts'
import { ensureOperator } from './store/operators.ts'
import { PayloadVault } from './store/payloads.ts'
import { Recorder } from './store/recorder/recorder.ts'
import { endReplica, recoverDeadReplicas } from './store/recovery.ts'
import { maintenanceTasks } from './jobs/tasks.ts'

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
  const operatorKeyFile = join(config.dataDir, 'operator.key')
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
  const gateway = await createGateway({ config, starting, db, organisationId, databaseUrl, log })
  const server = await listen({ config, gateway, starting, log })
  const stack = starting.move()
  return {
    url: server.url,
    operatorKeyFile,
    embedded: config.databaseUrl === undefined,
    stop: () => stack.disposeAsync(),
    failed: server.failed,
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

async function createGateway(options: {
  config: Config
  starting: AsyncDisposableStack
  db: Database
  organisationId: OrganisationId
  databaseUrl: string
  log: GatewayLog
}): Promise<Gateway> {
  const { config, starting, db, organisationId, log } = options
  const masterKey = await loadMasterKey({ dataDir: config.dataDir, configured: config.masterKey })
  const vault = new PayloadVault({ db, organisationId, masterKey })
  await vault.check()
  const recorder = await startRecorder(options)
  const pacts = new PactCache({ db, organisationId })
  const { secretOf, inherited } = config
  const mcp = new McpBackend({ secretOf, inherited, log })
  const gateway: Gateway = {
    db,
    organisationId,
    recorder,
    vault,
    pacts,
    identifier: new Identifier({ db, organisationId, pacts }),
    pools: starting.use(new UpstreamPools()),
    tools: starting.use(new ToolBackends({ stdio: mcp, http: mcp })),
    inFlight: new InFlight(),
    bodyBytesMax: config.limits.bodyBytesMax,
    secretOf,
    log,
  }
  const tasks = maintenanceTasks({
    db,
    organisationId,
    recorder,
    executeHold: (holdId) => executeHold(gateway, holdId),
    probeEffect: (effectId) => probeEffect(gateway, effectId),
    log,
  })
  starting.use(startMaintenance({ tasks, log }))
  return gateway
}

async function startRecorder(options: {
  starting: AsyncDisposableStack
  db: Database
  organisationId: OrganisationId
  databaseUrl: string
  log: GatewayLog
}): Promise<Recorder> {
  const { starting, db, organisationId, databaseUrl, log } = options
  let replicaId: string | undefined
  const recorder = await Recorder.start({
    databaseUrl,
    organisationId,
    newId: randomUUIDv7,
    log,
    onConnected: (id) => {
      replicaId = id
      // What this process, or one before it, left open on a connection that is gone.
      recoverDeadReplicas(db, organisationId, id).catch((error: unknown) =>
        log('recovery failed; it is tried again soon', { error: String(error) }),
      )
    },
  })
  starting.defer(async () => {
    if (replicaId !== undefined) await endReplica(db, organisationId, replicaId)
  })
  starting.use(recorder)
  await recoverDeadReplicas(db, organisationId, replicaId)
  return recorder
}

async function listen(options: {
  config: Config
  gateway: Gateway
  starting: AsyncDisposableStack
  log: GatewayLog
}): Promise<HttpServer> {
  const { config, gateway, starting, log } = options
  const { db, organisationId } = gateway
  const state = { url: '', isStopping: false }
  const api = await createApi({
    db,
    organisationId,
    tools: { list: (servers) => gateway.tools.list(servers) },
    holds: { decide: (vote) => decideHold(gateway, vote) },
    effects: {
      undo: (command) => undoEffect(gateway, command),
      resolve: (command) => resolveEffect(gateway, command),
    },
    payloads: { open: (callId, part) => gateway.vault.open(callId, part) },
    health: createHealth({
      db,
      recorder: gateway.recorder,
      isEmbedded: config.databaseUrl === undefined,
      isStopping: () => state.isStopping,
    }),
    publicUrl: () => state.url,
    log,
  })
  starting.defer(api.close)
  const server = await HttpServer.listen({
    host: config.host,
    port: config.port,
    handle: (request, response) => {
      const routed = routeGateway(gateway, request, response)
      if (routed === undefined) api.handle(request, response)
      else void routed
    },
    log,
  })
  state.url = server.url
  starting.use(server)
  starting.defer(() => {
    state.isStopping = true
  })
  return server
}
