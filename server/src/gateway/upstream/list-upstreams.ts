// The health of upstreams as operators see it. Names of keys, never their values.
import type { Upstream, UpstreamKey, UpstreamList } from '@airworthy/sdk'
import type { Gateway } from '../gateway.ts'
import type { KeyHealth } from './endpoint-health.ts'
import type { HealthTable, Place } from './health-table.ts'

type Described = Pick<Gateway, 'endpoints' | 'admission'> & {
  readonly recorder: Pick<Gateway['recorder'], 'replicaId'>
}

type Clocks = {
  /** The clock of the table's times. */
  readonly nowMs: number
  /** The time of day at that moment. */
  readonly wallMs: number
}

/** As this process sees it; each replica learns from its own traffic. */
export function describeUpstreams(gateway: Described): UpstreamList {
  const { endpoints, admission, recorder } = gateway
  const { running, waiting, limits } = admission
  const clocks = { nowMs: endpoints.now(), wallMs: Date.now() }
  return {
    replica: recorder.replicaId ?? null,
    at: new Date(clocks.wallMs).toISOString(),
    admission: { running, waiting, concurrencyMax: limits.concurrencyMax },
    upstreams: listUpstreams(endpoints.table, clocks),
  }
}

function listUpstreams(table: HealthTable, clocks: Clocks): Upstream[] {
  return table.places().map((place) => present(place, clocks))
}

function present({ health, uses, check }: Place, clocks: Clocks): Upstream {
  const { nowMs } = clocks
  const { breaker, lastError, firstByteMs, lastCallMs } = health
  const state = breaker.state(nowMs)
  const timeOf = (atMs: number): string =>
    new Date(clocks.wallMs + Math.round(atMs - nowMs)).toISOString()
  const futureOf = (atMs: number): string | null => (atMs > nowMs ? timeOf(atMs) : null)
  return {
    upstream: health.upstream,
    model: health.upstreamModel,
    usedAs: [...uses],
    state,
    since: timeOf(breaker.sinceMs),
    lastError:
      lastError === undefined ? null : { what: lastError.what, at: timeOf(lastError.atMs) },
    nextProbeAt: state === 'closed' ? null : timeOf(Math.max(nowMs, breaker.openUntilMs)),
    restsUntil: futureOf(health.restsUntilMs),
    inFlight: health.inFlight,
    firstByteMs: firstByteMs === undefined ? null : Math.round(firstByteMs),
    calls: health.calls,
    errors: health.errors,
    ejections: breaker.ejections,
    lastCallAt: lastCallMs === undefined ? null : timeOf(lastCallMs),
    keys: [...health.keys].map((key) => presentKey(key, futureOf(key.restsUntilMs))),
    check: check === undefined ? null : { ...check, at: timeOf(check.atMs) },
  }
}

function presentKey(key: KeyHealth, until: string | null): UpstreamKey {
  return { env: key.env ?? null, state: until === null ? 'ready' : (key.why ?? 'ready'), until }
}
