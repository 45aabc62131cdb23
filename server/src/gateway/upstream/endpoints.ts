// Picks where a model call goes: by tier, health, keys and the model's way of balancing. Health is
// this process's own view; each replica learns from its own traffic.
import type { BreakerCall } from '../../core/reliability/circuit-breaker.ts'
import type { CompiledEndpoint, CompiledModel } from '../../core/pact/compiled.ts'
import type { ModelApi } from '../../core/wires/model-api.ts'
import { balance } from './balancer.ts'
import { EndpointHealth, type KeyHealth } from './endpoint-health.ts'
import { HealthTable } from './health-table.ts'
import type { AttemptResult } from './retry.ts'

export type PickOptions = {
  /** What the client speaks. */
  readonly api: ModelApi
  /**
   * What earlier attempts of this call ruled out. One set a call, empty at first; `report` adds to
   * it. An endpoint's name in it rules out that endpoint.
   */
  readonly tried: Set<string>
}

/** One attempt at an endpoint. */
export type Picked = {
  readonly endpoint: CompiledEndpoint
  readonly apiKeyEnv: string | undefined
  /** A 2xx began, so long after it was asked: said at once, because the reply may take minutes. */
  readonly firstByte: (firstByteMs: number) => void
  /** Exactly once, at the end of the attempt; what is said after that is ignored. */
  readonly report: (result: AttemptResult) => void
}

export type EndpointPickerOptions = {
  /** A clock in ms that never goes back. */
  readonly now: () => number
  /** From 0, below 1. */
  readonly random: () => number
}

export class EndpointPicker {
  readonly table: HealthTable
  readonly now: () => number
  readonly random: () => number
  readonly #pools = new WeakMap<CompiledModel, Pool>()

  constructor(options: EndpointPickerOptions) {
    this.now = options.now
    this.random = options.random
    this.table = new HealthTable(options.now)
  }

  /**
   * The best endpoint for the next attempt. The lowest tier with one that can be tried comes first;
   * in it one that speaks the client's api before one that needs translation. Where none is well
   * the one that is expected back first is given: a call is not refused on a guess. Undefined only
   * where no endpoint of the model can serve the api.
   */
  pick(model: CompiledModel, options: PickOptions): Picked | undefined {
    const nowMs = this.now()
    const members = this.#membersOf(model, nowMs)
    const serving = members.filter((member) => servesApi(member.endpoint, options.api))
    const chosen =
      this.#chooseReady(model, serving, options, nowMs) ??
      this.#chooseReady(model, serving, { ...options, tried: new Set() }, nowMs) ??
      soonest(serving, options.tried)
    if (chosen === undefined) return undefined
    const { health, envs, endpoint } = chosen
    const isKeyOut = (env: string | undefined): boolean => options.tried.has(keyId(endpoint, env))
    const key =
      health.readyKey(envs, nowMs, isKeyOut) ??
      health.readyKey(envs, nowMs, () => false) ??
      health.soonestKey(envs)
    return new Attempt({ endpoint, health, key, tried: options.tried, now: this.now })
  }

  /** Whether an endpoint or key that this call has not tried is well enough to be tried next. */
  hasOther(model: CompiledModel, options: PickOptions): boolean {
    const nowMs = this.now()
    return this.#membersOf(model, nowMs).some(
      (member) => servesApi(member.endpoint, options.api) && isReady(member, options.tried, nowMs),
    )
  }

  #chooseReady(
    model: CompiledModel,
    members: readonly Member[],
    { api, tried }: PickOptions,
    nowMs: number,
  ): Member | undefined {
    const ready = members.filter((member) => isReady(member, tried, nowMs))
    const [first] = ready
    if (first === undefined || ready.length === 1) return first
    // Members are in the order of their tiers.
    const tier = ready.filter((member) => member.endpoint.tier === first.endpoint.tier)
    const native = tier.filter((member) => member.endpoint.apis.has(api))
    const preferred = native.length === 0 ? tier : native
    const due = preferred.filter((member) => member.health.breaker.isDue(nowMs))
    // The first attempt of a call may be a probe: it has others left if it fails.
    if (tried.size === 0 && due[0] !== undefined) return due[0]
    const closed = preferred.filter((member) => !due.includes(member))
    const candidates = (closed.length === 0 ? due : closed).map((member) => ({
      member,
      weight: member.endpoint.weight,
      inFlight: member.health.inFlight,
      latencyMs: member.health.latencyMs(nowMs),
    }))
    return balance(candidates, { balance: model.balance, random: this.random })?.member
  }

  #membersOf(model: CompiledModel, nowMs: number): readonly Member[] {
    const known = this.#pools.get(model)
    if (known !== undefined && nowMs < known.freshUntilMs) return known.members
    const endpoints = [...model.endpoints].toSorted((a, b) => a.tier - b.tier)
    const members = endpoints.map((endpoint) => ({
      endpoint,
      envs: endpoint.apiKeyEnvs.length === 0 ? [undefined] : endpoint.apiKeyEnvs,
      health: this.table.use(endpoint, model.name),
    }))
    this.#pools.set(model, { members, freshUntilMs: nowMs + poolFreshMs })
    return members
  }
}

/** So often the table is told that a model's endpoints are still in use. */
const poolFreshMs = 60_000

type Pool = { readonly members: readonly Member[]; readonly freshUntilMs: number }

type Member = {
  readonly endpoint: CompiledEndpoint
  readonly health: EndpointHealth
  /** At least one; undefined stands for being asked without a key. */
  readonly envs: readonly (string | undefined)[]
}

/** Whether it can take calls of this api, translated where it must be. */
function servesApi(endpoint: CompiledEndpoint, api: ModelApi): boolean {
  if (endpoint.apis.has(api)) return true
  // Embeddings have no counterpart on another wire.
  return api !== 'embeddings' && (endpoint.apis.size > 1 || !endpoint.apis.has('embeddings'))
}

function isReady(member: Member, tried: ReadonlySet<string>, nowMs: number): boolean {
  const { endpoint, health, envs } = member
  if (tried.has(endpoint.name) || !health.admits(nowMs)) return false
  return health.readyKey(envs, nowMs, (env) => tried.has(keyId(endpoint, env))) !== undefined
}

/** Nobody is well: the one that is expected back first, and rather one that was not tried yet. */
function soonest(members: readonly Member[], tried: ReadonlySet<string>): Member | undefined {
  const untried = members.filter((member) => !tried.has(member.endpoint.name))
  const candidates = untried.length === 0 ? members : untried
  const readyAtMs = (member: Member): number => member.health.readyAtMs(member.envs)
  return candidates.toSorted((a, b) => readyAtMs(a) - readyAtMs(b))[0]
}

/** No endpoint has a space in its name. */
function keyId(endpoint: CompiledEndpoint, env: string | undefined): string {
  return `${endpoint.name} ${env ?? ''}`
}

class Attempt implements Picked {
  readonly endpoint: CompiledEndpoint
  readonly apiKeyEnv: string | undefined
  readonly #health: EndpointHealth
  readonly #key: KeyHealth
  readonly #tried: Set<string>
  readonly #now: () => number
  readonly #began: BreakerCall
  #hasAnswered = false
  #isOver = false

  constructor(options: {
    endpoint: CompiledEndpoint
    health: EndpointHealth
    key: KeyHealth
    tried: Set<string>
    now: () => number
  }) {
    this.endpoint = options.endpoint
    this.apiKeyEnv = options.key.env
    this.#health = options.health
    this.#key = options.key
    this.#tried = options.tried
    this.#now = options.now
    this.#began = options.health.begin(options.now())
  }

  readonly firstByte = (firstByteMs: number): void => {
    if (this.#isOver || this.#hasAnswered) return
    this.#hasAnswered = true
    this.#health.answered(this.#began, firstByteMs, this.#now())
  }

  readonly report = (result: AttemptResult): void => {
    if (this.#isOver) return
    this.#isOver = true
    const attempt = { began: this.#began, key: this.#key, hasAnswered: this.#hasAnswered }
    const ruledOut = this.#health.end(result, attempt, this.#now())
    if (ruledOut === 'endpoint') this.#tried.add(this.endpoint.name)
    if (ruledOut === 'key') this.#tried.add(keyId(this.endpoint, this.apiKeyEnv))
  }
}
