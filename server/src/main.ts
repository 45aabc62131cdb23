// Knows everything and wires it: database, recorder, gateway, control API, jobs, one HTTP server.
import { randomUUIDv7 } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadMasterKey } from './adapters/keys/master-key.ts'
import { lockDataDirectory, writePrivateFile } from './adapters/postgres/data-directory.ts'
import { startEmbeddedPostgres } from './adapters/postgres/embedded-postgres.ts'
import { readProofFile, readReceipt } from './api/calls/receipt.ts'
import { type ApiDependencies, createApi } from './api/api.ts'
import { Identities } from './api/identity/identities.ts'
import { createDidResolver } from './adapters/resolve-did.ts'
import type { Signer } from './adapters/signer/signer.ts'
import { didHostOf } from './core/identity/did-web.ts'
import type { Config } from './config.ts'
import { decideHold, executeHold } from './gateway/execute-hold.ts'
import type { Gateway } from './gateway/gateway.ts'
import type { GatewayLog } from './gateway/gateway-log.ts'
import { Identifier } from './gateway/identify.ts'
import { InFlight } from './gateway/in-flight.ts'
import { ModelCache } from './gateway/llm/cache/model-cache.ts'
import { probeEffect } from './gateway/mcp/probe-effect.ts'
import { McpBackend } from './gateway/mcp/connections.ts'
import { AgentRelays } from './gateway/mcp/agent-relays.ts'
import { Notifications } from './gateway/mcp/notifications.ts'
import { ToolBackends } from './gateway/tools/backends.ts'
import { SqlBackend } from './gateway/sql/sql-backend.ts'
import { OpenApiBackend } from './gateway/openapi/openapi-backend.ts'
import { PactCache } from './gateway/pacts.ts'
import { ProofCache } from './gateway/proofs.ts'
import { proveTools } from './gateway/prove-tools.ts'
import { authorityOf } from './gateway/http/request-message.ts'
import { routeGateway } from './gateway/router.ts'
import { RunDriver } from './gateway/runs/run-driver.ts'
import { previewUndo } from './gateway/prepare-undo.ts'
import { resolveEffect, undoEffect } from './gateway/undo-effect.ts'
import { Admission } from './gateway/llm/admission.ts'
import { BodyRoom } from './gateway/llm/body-room.ts'
import { RouteJournal } from './gateway/llm/routing/route-journal.ts'
import { EndpointPicker } from './gateway/upstream/endpoints.ts'
import { describeUpstreams } from './gateway/upstream/list-upstreams.ts'
import { probeUpstreams } from './gateway/upstream/probes.ts'
import { UpstreamPools } from './gateway/upstream/pools.ts'
import { RequestSignatures } from './gateway/verify-signature.ts'
import { openPriceCatalogue } from './adapters/price-catalogue/price-catalogue.ts'
import { openSigner } from './adapters/signer/open-signer.ts'
import { createReplySigner } from './adapters/signer/reply-signer.ts'
import { createHealth } from './api/health.ts'
import { HttpServer } from './adapters/http-server.ts'
import { type LogService, startLog } from './jobs/log/log-service.ts'
import { startMaintenance } from './jobs/maintenance.ts'
import type { OrganisationId } from './core/ids.ts'
import { type Database, openDatabase } from './store/database.ts'
import { migrate } from './store/migrate.ts'
import { bootstrapOrganisation } from './store/organisations.ts'
import { readOperatorKeyFile } from './adapters/keys/operator-key-file.ts'
import { ensureOperator } from './store/operators.ts'
import { PayloadVault } from './store/payloads.ts'
import { PriceBook } from './store/price-book.ts'
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

async function createGateway(options: {
  config: Config
  starting: AsyncDisposableStack
  db: Database
  organisationId: OrganisationId
  databaseUrl: string
  log: GatewayLog
}): Promise<{
  gateway: Gateway
  publishedLog: LogService
  signer: Signer
  prices: ApiDependencies['prices']
}> {
  const { config, starting, db, organisationId, databaseUrl, log } = options
  const masterKey = await loadMasterKey({ dataDir: config.dataDir, configured: config.masterKey })
  const vault = new PayloadVault({ db, organisationId, masterKey })
  await vault.check()
  const { keystore: source, inherited } = config
  const signer = starting.use(await openSigner({ source, masterKey, inherited }))
  // Before anything is written: a log that has forked must not grow.
  const publishedLog = starting.use(
    await startLog({
      ...config.log,
      db,
      databaseUrl,
      organisationId,
      signer,
      log,
      dataDir: config.dataDir,
      origin:
        config.log.origin ?? hostOf(config.publicUrl) ?? `${organisationId}.airworthy.invalid`,
    }),
  )
  const recorder = await startRecorder(options)
  const catalogue = await openPriceCatalogue()
  const book = new PriceBook({ db, organisationId, catalogue, now: Date.now })
  await book.refresh()
  const pacts = new PactCache({ db, organisationId, findPrice: book.find })
  book.onChange(() => pacts.forgetCompiled())
  const { secretOf } = config
  const mcp = new McpBackend({ secretOf, inherited, log })
  const openapi = new OpenApiBackend({ secretOf, log })
  const sql = new SqlBackend({ secretOf, log })
  const names = [hostOf(config.publicUrl) ?? [], ...config.authorities].flat()
  const authorities = new Set(names.map(authorityOf))
  const signatures = starting.use(
    new RequestSignatures({ db, databaseUrl, organisationId, authorities }),
  )
  const replySigner = config.signReplies === 'off' ? undefined : await createReplySigner(signer)
  const gateway: Gateway = {
    db,
    organisationId,
    recorder,
    vault,
    pacts,
    checkpoints: publishedLog.checkpoints,
    proofs: new ProofCache({ db, organisationId }),
    receipts: {
      receipt: (call) => readReceipt({ db, organisationId, publishedLog }, call),
      proofFile: (call, of) => readProofFile({ db, organisationId, publishedLog }, call, of),
    },
    identifier: new Identifier({ db, organisationId, pacts, signatures }),
    signatures,
    replySigning: replySigner && {
      signer: replySigner,
      isAlways: config.signReplies === 'always',
    },
    pools: starting.use(new UpstreamPools()),
    endpoints: new EndpointPicker({ now: () => performance.now(), random: Math.random }),
    admission: new Admission(config.limits.admission, () => performance.now()),
    routeJournal: starting.use(new RouteJournal({ db, organisationId, log })),
    tools: starting.use(new ToolBackends({ stdio: mcp, http: mcp, openapi, sql })),
    inFlight: new InFlight(),
    modelCache: starting.use(new ModelCache({ db, organisationId, vault, log })),
    notifications: new Notifications(),
    relays: new AgentRelays(),
    allowedOrigins: config.allowedOrigins,
    bodyBytesMax: config.limits.bodyBytesMax,
    bodyRoom: new BodyRoom(config.limits.modelBodies),
    secretOf,
    log,
    wakeRuns: () => runs.wake(),
  }
  const runs = starting.use(new RunDriver({ gateway: () => gateway }))
  const tasks = maintenanceTasks({
    db,
    organisationId,
    recorder,
    executeHold: (holdId) => executeHold(gateway, holdId),
    probeEffect: (effectId) => probeEffect(gateway, effectId),
    leaseRuns: () => runs.lease(),
    sweepCaches: () => gateway.modelCache.indexes.sweep(),
    log,
  })
  const refresh = { name: 'refresh prices', everyMs: 2000, run: () => book.refresh() }
  starting.use(startMaintenance({ tasks: [...tasks, refresh], log }))
  return { gateway, publishedLog, signer, prices: { book, catalogue } }
}

function hostOf(url: string | undefined): string | undefined {
  return url === undefined ? undefined : new URL(url).host
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
  publishedLog: LogService
  signer: Signer
  prices: ApiDependencies['prices']
  starting: AsyncDisposableStack
  log: GatewayLog
}): Promise<HttpServer> {
  const { config, gateway, publishedLog, signer, prices, starting, log } = options
  const { db, organisationId } = gateway
  const state = { url: '', isStopping: false }
  const publicUrl = (): string => config.publicUrl ?? state.url
  const identities = new Identities({
    db,
    organisationId,
    signer,
    log,
    domain: () => didHostOf(publicUrl()),
    services: () => [{ name: 'log', type: 'TransparencyLog', endpoint: `${publicUrl()}/log` }],
  })
  const api = await createApi({
    db,
    organisationId,
    tools: { list: (servers) => gateway.tools.list(servers) },
    prices,
    holds: { decide: (vote) => decideHold(gateway, vote) },
    effects: {
      undo: (command) => undoEffect(gateway, command),
      previewUndo: (effectId) => previewUndo(gateway, effectId),
      resolve: (command) => resolveEffect(gateway, command),
    },
    runs: { wake: () => gateway.wakeRuns() },
    calls: { settle: (outcome) => gateway.recorder.settle(outcome) },
    upstreams: { list: () => describeUpstreams(gateway) },
    proofs: { prove: (command) => proveTools(gateway, command) },
    payloads: { open: (callId, part) => gateway.vault.open(callId, part) },
    publishedLog,
    identities,
    resolveDid: createDidResolver({ allowPrivate: config.resolvePrivate }),
    subjectIds: (subject) => gateway.vault.subjectIds(subject),
    health: createHealth({
      db,
      recorder: gateway.recorder,
      isEmbedded: config.databaseUrl === undefined,
      isStopping: () => state.isStopping,
    }),
    publicUrl,
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
  const check = { name: 'check upstreams', everyMs: 1000, run: () => probeUpstreams(gateway) }
  const keep = { name: 'keep identities', everyMs: 60_000, run: () => identities.keepAll() }
  // Once before anybody hears that the server is ready: calls name the DIDs of their agents.
  await keep
    .run()
    .catch((error: unknown) => log('identities are not made', { error: String(error) }))
  starting.use(startMaintenance({ tasks: [keep, check], log }))
  // Before the server, which waits for every stream that is open.
  starting.use(gateway.notifications)
  starting.use(gateway.admission)
  starting.defer(() => {
    state.isStopping = true
  })
  return server
}
