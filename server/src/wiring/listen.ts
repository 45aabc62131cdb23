// Wires gateway and control API to one HTTP server.
import { type ApiDependencies, createApi } from '../api/api.ts'
import { Identities } from '../api/identity/identities.ts'
import { createDidResolver } from '../adapters/resolve-did.ts'
import type { Signer } from '../adapters/signer/signer.ts'
import { didHostOf } from '../core/identity/did-web.ts'
import type { Config } from '../config.ts'
import { editHold } from '../gateway/edit-hold.ts'
import { decideHold } from '../gateway/execute-hold.ts'
import type { Gateway } from '../gateway/gateway.ts'
import { plantCanary } from '../gateway/holds/plant-canary.ts'
import type { GatewayLog } from '../gateway/gateway-log.ts'
import { callInStead, sayInStead } from '../gateway/handover/act-in-stead.ts'
import { proveTools } from '../gateway/prove-tools.ts'
import { routeGateway } from '../gateway/router.ts'
import { previewUndo } from '../gateway/prepare-undo.ts'
import { resolveEffect, undoEffect } from '../gateway/undo-effect.ts'
import { describeUpstreams } from '../gateway/upstream/list-upstreams.ts'
import { probeUpstreams } from '../gateway/upstream/probes.ts'
import { createHealth } from '../api/health.ts'
import { createChannels } from './channels.ts'
import { HttpServer } from '../adapters/http-server.ts'
import { type LogService } from '../jobs/log/log-service.ts'
import { startMaintenance } from '../jobs/maintenance.ts'

/** Wires gateway and control API to one HTTP server, which listens when this resolves. */
export async function listen(options: {
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
  const channels = createChannels({ config, gateway, publicUrl })
  const api = await createApi({
    db,
    organisationId,
    tools: { list: (servers) => gateway.tools.list(servers) },
    prices,
    holds: {
      decide: (vote) => decideHold(gateway, vote),
      edit: (edit) => editHold(gateway, edit),
    },
    canaries: { plant: (canary) => plantCanary(gateway, canary) },
    handovers: {
      say: (saying) => sayInStead(gateway, saying),
      call: (calling) => callInStead(gateway, calling),
    },
    effects: {
      undo: (command) => undoEffect(gateway, command),
      previewUndo: (effectId) => previewUndo(gateway, effectId),
      resolve: (command) => resolveEffect(gateway, command),
    },
    runs: { wake: () => gateway.wakeRuns() },
    channels: channels.commands,
    calls: { settle: (outcome) => gateway.recorder.settle(outcome) },
    upstreams: { list: () => describeUpstreams(gateway) },
    proofs: { prove: (command) => proveTools(gateway, command) },
    payloads: { open: (callId, part) => gateway.vault.open(callId, part) },
    publishedLog,
    identities,
    resolveDid: createDidResolver({ allowPrivate: config.resolvePrivate }),
    subjectIds: (subject) => gateway.vault.subjectIds(subject),
    digestOf: (text) => gateway.vault.digest(text),
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
  // Twice: where the server cannot listen, and before the server, which waits for who waits.
  starting.use(gateway.handovers)
  await gateway.handovers.start()
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
  channels.start(starting)
  // Before the server, which waits for every stream that is open.
  starting.use(gateway.notifications)
  starting.use(gateway.holdWaiters)
  starting.use(gateway.handovers)
  starting.use(gateway.admission)
  starting.defer(() => {
    state.isStopping = true
  })
  return server
}
