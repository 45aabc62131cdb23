// What this process knows of one place that serves models: an origin, a path and a model there.
// Endpoints of several agents that name the same place share it.
import {
  breakerDefaults,
  type BreakerCall,
  CircuitBreaker,
} from '../../core/reliability/circuit-breaker.ts'
import { PeakEwma } from '../../core/reliability/peak-ewma.ts'
import { type AttemptResult, refusesKey } from './retry.ts'

const latencyDecayMs = 10_000
/** What a busy endpoint counts for that has never answered: others come first. */
const unknownLatencyMs = 1_000_000
/** An upstream that asks for a longer rest is asked again all the same. */
const restMsMax = 300_000
/** After a 429 that names no time; twice as long for each one more, up to the second. */
const rateLimitedMs = 1000
const rateLimitedMsMax = 30_000
const refusedMs = 60_000
const keysMax = 100

/** Why a key is not used for a while. */
export type KeyRest = 'rate-limited' | 'refused'

/** One key of a place, by the name of its variable; undefined where it is asked without a key. */
export class KeyHealth {
  readonly env: string | undefined
  restsUntilMs = 0
  why: KeyRest | undefined
  #limitedInARow = 0

  constructor(env: string | undefined) {
    this.env = env
  }

  limited(retryAfterMs: number | undefined, nowMs: number): void {
    this.#limitedInARow += 1
    const doubled = rateLimitedMs * 2 ** Math.min(this.#limitedInARow - 1, 10)
    const restMs = retryAfterMs ?? Math.min(rateLimitedMsMax, doubled)
    this.#rest('rate-limited', nowMs + Math.min(restMsMax, restMs))
  }

  refused(nowMs: number): void {
    this.#rest('refused', nowMs + refusedMs)
  }

  /** It was accepted. A rest that others were told of meanwhile stays. */
  accepted(): void {
    this.#limitedInARow = 0
  }

  #rest(why: KeyRest, untilMs: number): void {
    if (untilMs < this.restsUntilMs) return
    this.restsUntilMs = untilMs
    this.why = why
  }
}

/** What an attempt that has ended rules out for the rest of its call. */
export type RuledOut = 'nothing' | 'key' | 'endpoint'

const failureCodes: ReadonlySet<string> = new Set([
  'upstream.unreachable',
  'upstream.interrupted',
  'upstream.timeout',
  'upstream.invalid',
])

export class EndpointHealth {
  /** Origin and path, without a query: that may hold a secret. */
  readonly upstream: string
  readonly upstreamModel: string
  readonly breaker: CircuitBreaker
  readonly #latency = new PeakEwma(latencyDecayMs)
  readonly #keys = new Map<string | undefined, KeyHealth>()
  #turn = 0
  inFlight = 0
  calls = 0
  errors = 0
  lastCallMs: number | undefined
  /** When somebody last had a use for it: a call, or a model that names it. */
  lastUsedMs: number
  /** It asked to be left alone until then. */
  restsUntilMs = 0
  /** What went wrong last: an error code, or `status 503`. */
  lastError: { readonly what: string; readonly atMs: number } | undefined

  constructor(place: { upstream: string; upstreamModel: string }, nowMs: number) {
    this.upstream = place.upstream
    this.upstreamModel = place.upstreamModel
    this.breaker = new CircuitBreaker(breakerDefaults, nowMs)
    this.lastUsedMs = nowMs
  }

  get keys(): Iterable<KeyHealth> {
    return this.#keys.values()
  }

  /** The average until the first byte as last known. */
  get firstByteMs(): number | undefined {
    return this.#latency.lastMs
  }

  /** How soon it is expected to answer. An idle one that was slow is forgiven with time. */
  latencyMs(nowMs: number): number {
    if (this.inFlight === 0) return this.#latency.faded(nowMs)
    return this.#latency.lastMs ?? unknownLatencyMs
  }

  /** In traffic, or due for a probe; whether one of its keys can be used is another question. */
  admits(nowMs: number): boolean {
    return nowMs >= this.restsUntilMs && this.breaker.admits(nowMs)
  }

  key(env: string | undefined): KeyHealth {
    const known = this.#keys.get(env)
    if (known !== undefined) return known
    const [oldest] = this.#keys.keys()
    if (this.#keys.size >= keysMax) this.#keys.delete(oldest)
    const key = new KeyHealth(env)
    this.#keys.set(env, key)
    return key
  }

  /** The next in turn of the keys that do not rest and are not ruled out. */
  readyKey(
    envs: readonly (string | undefined)[],
    nowMs: number,
    isRuledOut: (env: string | undefined) => boolean,
  ): KeyHealth | undefined {
    for (let step = 0; step < envs.length; step += 1) {
      const env = envs[(this.#turn + step) % envs.length]
      const key = this.key(env)
      if (nowMs >= key.restsUntilMs && !isRuledOut(env)) return key
    }
    return undefined
  }

  /** The key that rests the shortest. */
  soonestKey(envs: readonly (string | undefined)[]): KeyHealth {
    return envs
      .map((env) => this.key(env))
      .reduce((soonest, key) => (key.restsUntilMs < soonest.restsUntilMs ? key : soonest))
  }

  /** When it can be used again, with one of these keys. */
  readyAtMs(envs: readonly (string | undefined)[]): number {
    const keyMs = this.soonestKey(envs).restsUntilMs
    return Math.max(this.breaker.openUntilMs, this.restsUntilMs, keyMs)
  }

  begin(nowMs: number): BreakerCall {
    this.#turn = (this.#turn + 1) % 0x40000000
    this.inFlight += 1
    this.calls += 1
    this.lastCallMs = nowMs
    this.lastUsedMs = nowMs
    return this.breaker.begin(nowMs)
  }

  /**
   * Its reply has begun, which is enough to come back into traffic; whether it was a success is
   * known at its end.
   */
  answered(call: BreakerCall, firstByteMs: number, nowMs: number): void {
    this.#latency.observe(firstByteMs, nowMs)
    if (this.breaker.state(nowMs) !== 'closed') this.breaker.succeed(call, nowMs)
  }

  end(
    result: AttemptResult,
    call: { readonly began: BreakerCall; readonly key: KeyHealth; readonly hasAnswered: boolean },
    nowMs: number,
  ): RuledOut {
    this.inFlight -= 1
    const { began, key } = call
    if (result.kind === 'ok') {
      key.accepted()
      if (!call.hasAnswered) this.#latency.observe(result.firstByteMs, nowMs)
      this.breaker.succeed(began, nowMs)
      return 'nothing'
    }
    if (result.kind === 'status') return this.#endWithStatus(result, call, nowMs)
    if (result.kind === 'failed' && failureCodes.has(result.code)) {
      return this.#fail(result.code, began, nowMs)
    }
    this.breaker.cancel(began)
    return 'nothing'
  }

  /** An active check found it there or not; the next one has answered by `untilMs`. */
  checked(isUp: boolean, { nowMs, untilMs }: { nowMs: number; untilMs: number }): void {
    if (isUp) {
      this.breaker.invite(nowMs)
      return
    }
    this.lastError = { what: 'active check', atMs: nowMs }
    // While it is closed a failed check counts like a failed call.
    if (this.breaker.state(nowMs) === 'closed') this.breaker.fail(this.breaker.begin(nowMs), nowMs)
    this.breaker.postpone(untilMs)
  }

  #endWithStatus(
    result: AttemptResult & { kind: 'status' },
    call: { readonly began: BreakerCall; readonly key: KeyHealth },
    nowMs: number,
  ): RuledOut {
    const { status, retryAfterMs } = result
    const what = `status ${status}`
    if (status === 408 || status >= 500) {
      if (retryAfterMs !== undefined) {
        this.restsUntilMs = nowMs + Math.min(restMsMax, retryAfterMs)
      }
      return this.#fail(what, call.began, nowMs)
    }
    // Whoever refuses a request is there, and answers.
    this.breaker.succeed(call.began, nowMs)
    if (status === 429) call.key.limited(retryAfterMs, nowMs)
    else if (refusesKey(status)) call.key.refused(nowMs)
    else {
      call.key.accepted()
      return 'nothing'
    }
    this.lastError = { what, atMs: nowMs }
    return 'key'
  }

  #fail(what: string, call: BreakerCall, nowMs: number): RuledOut {
    this.errors += 1
    this.lastError = { what, atMs: nowMs }
    this.breaker.fail(call, nowMs)
    return 'endpoint'
  }
}
