// The attempts of one model call: where they go, how many there may be, and until when. It outlives
// a call whose outcome is unknown: the next attempt is then a call of its own.
import { setTimeout as sleep } from 'node:timers/promises'
import type { CompiledModel } from '../../core/pact/compiled.ts'
import type { Gateway } from '../gateway.ts'
import type { Picked } from '../upstream/endpoints.ts'
import { type AttemptResult, RetryBudget } from '../upstream/retry.ts'
import type { ReplyTarget } from './detached-reply.ts'
import type { ModelCallInput } from './prepare-model-call.ts'

/** Where an attempt goes, with the key it is asked with. */
export type Target = Picked & {
  /** The endpoint's, or that of the session instead, which gets no key of the provider's. */
  readonly baseUrl: string
}

export class Course {
  attempts = 1
  readonly #gateway: Gateway
  #model: CompiledModel
  readonly #input: ModelCallInput
  readonly #tried = new Set<string>()
  readonly #deadlineMs: number
  #budget: RetryBudget | undefined

  constructor(gateway: Gateway, model: CompiledModel, input: ModelCallInput) {
    this.#gateway = gateway
    this.#model = model
    this.#input = input
    this.#deadlineMs = performance.now() + model.timeoutMs
  }

  /** The next attempt asks another model, whose endpoints nobody has tried. */
  turnTo(model: CompiledModel): void {
    if (model === this.#model) return
    this.#model = model
    this.#tried.clear()
  }

  get remainingMs(): number {
    return Math.max(1, Math.ceil(this.#deadlineMs - performance.now()))
  }

  /** Undefined where no endpoint of the model serves what the client speaks. */
  pick(): Target | undefined {
    const { modelBaseUrl } = this.#input.principal
    const api = this.#input.wire.api
    if (modelBaseUrl === undefined) {
      const picked = this.#gateway.endpoints.pick(this.#model, { api, tried: this.#tried })
      if (picked === undefined) return undefined
      const { endpoint, apiKeyEnv, firstByte, report } = picked
      return { endpoint, apiKeyEnv, baseUrl: endpoint.baseUrl, firstByte, report }
    }
    const endpoint =
      this.#model.endpoints.find((one) => one.apis.has(api)) ?? this.#model.endpoints[0]
    if (endpoint === undefined) return undefined
    return {
      endpoint,
      apiKeyEnv: undefined,
      baseUrl: modelBaseUrl,
      firstByte: ignore,
      report: ignore,
    }
  }

  /** An endpoint that cannot take this call, however well it is. */
  ruleOut(target: Target): void {
    this.#tried.add(target.endpoint.name)
  }

  /** Whether an endpoint or key is left that this call has not tried. */
  hasOther(): boolean {
    if (this.#input.principal.modelBaseUrl !== undefined) return false
    const options = { api: this.#input.wire.api, tried: this.#tried }
    return this.#gateway.endpoints.hasOther(this.#model, options)
  }

  /**
   * Whether the call may be tried again, after a wait that ends when the client leaves. To be asked
   * after the attempt was reported.
   */
  async mayRetry(result: AttemptResult, response: ReplyTarget): Promise<boolean> {
    const policy = this.#model.retries
    if (policy.attempts <= 1 || result.kind === 'ok' || result.kind === 'cancelled') return false
    this.#budget ??= new RetryBudget({
      policy,
      deadlineMs: this.#deadlineMs,
      now: () => performance.now(),
      random: Math.random,
    })
    const granted = this.#budget.next(result, { elsewhere: this.hasOther() })
    if (granted === undefined) return false
    if (granted.delayMs > 0) await pause(granted.delayMs, response)
    if (response.destroyed) return false
    this.attempts += 1
    return true
  }
}

function ignore(): void {
  // The address of a session is nobody's endpoint.
}

async function pause(ms: number, response: ReplyTarget): Promise<void> {
  const leaving = new AbortController()
  const onClose = (): void => leaving.abort()
  response.once('close', onClose)
  try {
    await sleep(ms, undefined, { signal: leaving.signal })
  } catch (thrown) {
    if (!leaving.signal.aborted) throw thrown
  } finally {
    response.off('close', onClose)
  }
}
