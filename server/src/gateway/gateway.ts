// What the handlers of the gateway share; main.ts makes it.
import type { OrganisationId } from '../core/ids.ts'
import type { Database } from '../store/database.ts'
import type { PayloadVault } from '../store/payloads.ts'
import type { Recorder } from '../store/recorder/recorder.ts'
import type { Identifier } from './identify.ts'
import type { ToolBackends } from './tools/backends.ts'
import type { PactCache } from './pacts.ts'
import type { InFlight } from './in-flight.ts'
import type { UpstreamPools } from './upstream/pools.ts'

export type GatewayLog = (message: string, fields?: Readonly<Record<string, unknown>>) => void

export type Gateway = {
  readonly db: Database
  readonly organisationId: OrganisationId
  readonly recorder: Recorder
  readonly vault: PayloadVault
  readonly pacts: PactCache
  readonly identifier: Identifier
  readonly pools: UpstreamPools
  readonly tools: ToolBackends
  readonly inFlight: InFlight
  readonly bodyBytesMax: number
  /** Values of environment variables that manifests name; only config reads the environment. */
  readonly secretOf: (name: string) => string | undefined
  readonly log: GatewayLog
}
