// Wires the kill switch into a gateway: its lease, and what a kill ends beside live calls.
import { hostname } from 'node:os'
import type { Clocks } from '../core/kill/lease.ts'
import type { OrganisationId } from '../core/ids.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { GatewayLog } from '../gateway/gateway-log.ts'
import { KillWatch } from '../gateway/kill/watch.ts'

export function readClocks(): Clocks {
  return { monotonicMs: performance.now(), wallMs: Date.now() }
}

/** Resolves with the first lease. Throws `database.unreachable`. */
export function watchKills(options: {
  readonly databaseUrl: string
  readonly organisationId: OrganisationId
  readonly gateway: Gateway
  readonly log: GatewayLog
}): Promise<KillWatch> {
  const { databaseUrl, organisationId, gateway, log } = options
  const { fence, admission } = gateway
  return KillWatch.start({
    databaseUrl,
    organisationId,
    name: `${hostname()}:${process.pid}`,
    fence,
    clocks: readClocks,
    onKills: () => admission.refuseStopped((subject) => fence.killRefusal(subject)),
    log,
  })
}
