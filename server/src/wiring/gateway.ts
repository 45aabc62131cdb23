// Wires the gateway: recorder, log, pacts, tools, endpoints, and the jobs that work with them.
import { randomUUIDv7 } from 'node:crypto'
import { loadMasterKey } from '../adapters/keys/master-key.ts'
import { readProofFile, readReceipt } from '../api/calls/receipt.ts'
import { type ApiDependencies } from '../api/api.ts'
import type { Signer } from '../adapters/signer/signer.ts'
import type { Config } from '../config.ts'
import { executeHold } from '../gateway/execute-hold.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { GatewayLog } from '../gateway/gateway-log.ts'
import { Identifier } from '../gateway/identify.ts'
import { HoldWaiters } from '../gateway/holds/hold-waiters.ts'
import { endTold } from '../gateway/handover/end-told.ts'
import { SessionStreams } from '../gateway/handover/session-streams.ts'
import { InFlight } from '../gateway/in-flight.ts'
import { Fence } from '../gateway/kill/fence.ts'
import { readClocks, watchKills } from './kills.ts'
import { ModelCache } from '../gateway/llm/cache/model-cache.ts'
import { probeEffect } from '../gateway/tools/probe-effect.ts'
import { McpBackend } from '../gateway/mcp/servers/connections.ts'
import { AgentRelays } from '../gateway/mcp/agent/agent-relays.ts'
import { Notifications } from '../gateway/mcp/agent/notifications.ts'
import { ToolBackends } from '../gateway/tools/backends.ts'
import { SqlBackend } from '../gateway/sql/sql-backend.ts'
import { OpenApiBackend } from '../gateway/openapi/openapi-backend.ts'
import { PactCache } from '../gateway/pacts.ts'
import { ProofCache } from '../gateway/proofs.ts'
import { authorityOf } from '../gateway/http/request-message.ts'
import { RunDriver } from '../gateway/runs/run-driver.ts'
import { Admission } from '../gateway/llm/admission.ts'
import { BodyRoom } from '../gateway/llm/body-room.ts'
import { RouteJournal } from '../gateway/llm/routing/route-journal.ts'
import { EndpointPicker } from '../gateway/upstream/endpoints.ts'
import { UpstreamPools } from '../gateway/upstream/pools.ts'
import { RequestSignatures } from '../gateway/verify-signature.ts'
import { openPriceCatalogue } from '../adapters/price-catalogue/price-catalogue.ts'
import { openSigner } from '../adapters/signer/open-signer.ts'
import { createReplySigner } from '../adapters/signer/reply-signer.ts'
import { type LogService, startLog } from '../jobs/log/log-service.ts'
import { automaticKills } from '../jobs/automatic-kills.ts'
import { startMaintenance } from '../jobs/maintenance.ts'
import type { OrganisationId } from '../core/ids.ts'
import { type Database } from '../store/database.ts'
import { HandoverWatch } from '../store/handover/handover-watch.ts'
import { PayloadVault } from '../store/audit/payloads.ts'
import { PriceBook } from '../store/models/price-book.ts'
import { Recorder } from '../store/recorder/recorder.ts'
import { endReplica, recoverDeadReplicas } from '../store/recovery.ts'
import { maintenanceTasks } from '../jobs/tasks.ts'

/** Everything that a call needs on its way, and the jobs that go on beside it. */
export async function createGateway(options: {
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
  const sessionStreams = new SessionStreams()
  const replySigner = config.signReplies === 'off' ? undefined : await createReplySigner(signer)
  const fence = new Fence(readClocks)
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
    identifier: new Identifier({
      db,
      organisationId,
      pacts,
      signatures,
      // Without a database the recorder says so itself.
      admit: (subject) => fence.admit(subject, { mayWait: recorder.replicaId !== undefined }),
    }),
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
    fence,
    sessionStreams,
    handovers: new HandoverWatch({
      db,
      databaseUrl,
      organisationId,
      liveSessions: () => sessionStreams.sessionIds(),
      onHandedOver: (told) => endTold(gateway, told),
    }),
    holdWaiters: new HoldWaiters({ db, organisationId, log }),
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
  // Before anything works on calls; it is the last to end, when nothing is under way any more.
  starting.use(await watchKills({ ...options, gateway }))
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
  const stopping = automaticKills({
    db,
    organisationId,
    rulesOf: async (pactId) => (await pacts.get(pactId)).pact.killOn,
    log,
  })
  const refresh = { name: 'refresh prices', everyMs: 2000, run: () => book.refresh() }
  starting.use(startMaintenance({ tasks: [...tasks, stopping, refresh], log }))
  return { gateway, publishedLog, signer, prices: { book, catalogue } }
}

export function hostOf(url: string | undefined): string | undefined {
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
