// Active checks: asks the endpoints whose manifest says so, although no call is due. What they find
// keeps calls from being spent on probes of an endpoint that is still down.
import type { CompiledEndpoint } from '../../core/pact/compiled.ts'
import type { HealthTable, Place } from './health-table.ts'
import type { UpstreamPools } from './pools.ts'

const atATimeMax = 16
const checkTimeoutMs = 3000
/** Replicas that were started together must not ask together: so much of the interval is chance. */
const jitter = 0.2
const replyBytesMax = 64 * 1024

/** What the checks need; the gateway has it. */
export type ProbeOptions = {
  readonly endpoints: {
    readonly table: HealthTable
    readonly now: () => number
    readonly random: () => number
  }
  readonly pools: UpstreamPools
  readonly secretOf: (name: string) => string | undefined
}

/** Checks the endpoints that are due, some at a time. Never rejects for one that is down. */
export async function probeUpstreams(options: ProbeOptions): Promise<void> {
  const { table, now } = options.endpoints
  const nowMs = now()
  const due = table
    .places()
    .filter(({ endpoint, checkDueMs }) => endpoint.probe !== undefined && checkDueMs <= nowMs)
    .toSorted((a, b) => a.checkDueMs - b.checkDueMs)
    .slice(0, atATimeMax)
  await Promise.all(due.map((place) => check(place, options)))
}

async function check(place: Place, options: ProbeOptions): Promise<void> {
  const { endpoint, health } = place
  const { probe } = endpoint
  if (probe === undefined) return
  const { now, random } = options.endpoints
  const spread = 1 - jitter / 2 + jitter * random()
  place.checkDueMs = now() + probe.intervalMs * spread
  const isUp = await answers(endpoint, probe.path, options)
  const nowMs = now()
  place.check = { path: probe.path, isUp, atMs: nowMs }
  health.checked(isUp, { nowMs, untilMs: place.checkDueMs + checkTimeoutMs })
}

/** Whoever answers anything but an error of its own is there, a wrong path or key included. */
async function answers(
  endpoint: CompiledEndpoint,
  path: string,
  options: ProbeOptions,
): Promise<boolean> {
  try {
    const target = options.pools.target(endpoint.baseUrl)
    const { statusCode, body } = await options.pools.pool(target.origin).request({
      method: 'GET',
      path: `${target.path}${path}${target.search}`,
      headers: headersOf(endpoint, options),
      headersTimeout: checkTimeoutMs,
      bodyTimeout: checkTimeoutMs,
      signal: AbortSignal.timeout(checkTimeoutMs),
    })
    await body.dump({ limit: replyBytesMax })
    return statusCode < 500
  } catch {
    // That it does not answer is what is asked here, whatever the reason.
    return false
  }
}

function headersOf(endpoint: CompiledEndpoint, options: ProbeOptions): Record<string, string> {
  const [env] = endpoint.apiKeyEnvs
  const key = env === undefined ? undefined : options.secretOf(env)
  const version: Record<string, string> =
    endpoint.wire === 'anthropic' ? { 'anthropic-version': '2023-06-01' } : {}
  if (key === undefined) return version
  if (endpoint.auth === 'bearer') return { ...version, authorization: `Bearer ${key}` }
  return { ...version, [endpoint.auth]: key }
}
