// What the handlers of the gateway share; main.ts makes it.
import type { OrganisationId } from '../core/ids.ts'
import type { Database } from '../store/database.ts'
import type { PayloadVault } from '../store/audit/payloads.ts'
import type { Recorder } from '../store/recorder/recorder.ts'
import type { GatewayLog } from './gateway-log.ts'
import type { Identifier } from './identify.ts'
import type { ToolBackends } from './tools/backends.ts'
import type { PactCache } from './pacts.ts'
import type { ProofCache } from './proofs.ts'
import type { HoldWaiters } from './holds/hold-waiters.ts'
import type { HandoverWatch } from '../store/handover/handover-watch.ts'
import type { SessionStreams } from './handover/session-streams.ts'
import type { InFlight } from './in-flight.ts'
import type { Fence } from './kill/fence.ts'
import type { ModelCache } from './llm/cache/model-cache.ts'
import type { AgentRelays } from './mcp/agent/agent-relays.ts'
import type { Notifications } from './mcp/agent/notifications.ts'
import type { Admission } from './llm/admission.ts'
import type { BodyRoom } from './llm/body-room.ts'
import type { RouteJournal } from './llm/routing/route-journal.ts'
import type { EndpointPicker } from './upstream/endpoints.ts'
import type { UpstreamPools } from './upstream/pools.ts'
import type { ReceiptReader } from './receipt-reader.ts'
import type { ReplySigning } from './http/sign-reply.ts'
import type { RequestSignatures } from './verify-signature.ts'

export type Gateway = {
  readonly db: Database
  readonly organisationId: OrganisationId
  readonly recorder: Recorder
  readonly vault: PayloadVault
  readonly pacts: PactCache
  /** Waits until a signed checkpoint has an entry; false when the time is over. */
  readonly checkpoints: {
    readonly wait: (of: {
      readonly logId: string
      readonly index: number
      readonly timeoutMs: number
    }) => Promise<boolean>
  }
  readonly proofs: ProofCache
  /** What the log proves of calls. */
  readonly receipts: ReceiptReader
  readonly identifier: Identifier
  readonly signatures: RequestSignatures
  /** Undefined: no reply is signed. */
  readonly replySigning: ReplySigning | undefined
  readonly pools: UpstreamPools
  /** Where model calls go, and how the places are that they go to. */
  readonly endpoints: EndpointPicker
  readonly admission: Admission
  readonly routeJournal: RouteJournal
  readonly tools: ToolBackends
  readonly inFlight: InFlight
  /** Asked right before anything leaves: see `kill/fence.ts`. */
  readonly fence: Fence
  /** Tells of sessions that go to a person, or come back. */
  readonly handovers: HandoverWatch
  readonly sessionStreams: SessionStreams
  readonly holdWaiters: HoldWaiters
  readonly modelCache: ModelCache
  readonly notifications: Notifications
  /** What tool servers ask of agents' clients. */
  readonly relays: AgentRelays
  /** Origins of web pages that may speak to tool servers, beside those of this machine. */
  readonly allowedOrigins: ReadonlySet<string>
  /** Takes up runs that need work, without waiting for the next turn of the job. */
  readonly wakeRuns: () => void
  readonly bodyBytesMax: number
  readonly bodyRoom: BodyRoom
  /** Values of environment variables that manifests name; only config reads the environment. */
  readonly secretOf: (name: string) => string | undefined
  readonly log: GatewayLog
}
