// Agents that wait for what people decide. All waiters of the process share one question to the
// database, so a decision is heard wherever it was made, and who waits costs a row of that question.
import { isOver, standingOf } from '../../core/approval/standing.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../../store/database.ts'
import { listHoldStandings } from '../../store/holds/hold-standing.ts'
import type { GatewayLog } from '../gateway-log.ts'

const waitersMax = 1000
const agentWaitersMax = 100
/** Nobody hears of a decision later than this, and the time that one question takes. */
const askMs = 500

type Waiter = { readonly holdId: string; readonly agentId: string; readonly wake: () => void }

export class HoldWaiters implements Disposable {
  readonly #db: Database
  readonly #organisationId: OrganisationId
  readonly #log: GatewayLog
  readonly #waiters = new Set<Waiter>()
  readonly #byAgent = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(options: { db: Database; organisationId: OrganisationId; log: GatewayLog }) {
    this.#db = options.db
    this.#organisationId = options.organisationId
    this.#log = options.log
  }

  get waiting(): number {
    return this.#waiters.size
  }

  /**
   * Resolves when the call of the hold is at its end, when the time is over, when the signal aborts
   * or the gateway stops; whoever waited then looks. Throws `gateway.overloaded` where too many wait.
   */
  wait(of: {
    readonly holdId: string
    readonly agentId: string
    readonly timeoutMs: number
    readonly signal: AbortSignal
  }): Promise<void> {
    const { holdId, agentId, timeoutMs, signal } = of
    if (this.#isStopped || signal.aborted || timeoutMs <= 0) return Promise.resolve()
    const ofAgent = this.#byAgent.get(agentId) ?? 0
    if (this.#waiters.size >= waitersMax || ofAgent >= agentWaitersMax) {
      const message = 'too many wait for decisions: ask without waiting, or later'
      throw new AirworthyError('gateway.overloaded', message, { detail: { retryAfterSeconds: 5 } })
    }
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timeout)
        signal.removeEventListener('abort', wake)
        if (this.#waiters.delete(waiter)) this.#countDown(agentId)
        resolve()
      }
      const waiter = { holdId, agentId, wake }
      const timeout = setTimeout(wake, timeoutMs)
      signal.addEventListener('abort', wake, { once: true })
      this.#waiters.add(waiter)
      this.#byAgent.set(agentId, ofAgent + 1)
      this.#askSoon()
    })
  }

  /** Lets all go who wait. */
  [Symbol.dispose](): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    for (const waiter of this.#waiters) waiter.wake()
  }

  #countDown(agentId: string): void {
    const left = (this.#byAgent.get(agentId) ?? 1) - 1
    if (left === 0) this.#byAgent.delete(agentId)
    else this.#byAgent.set(agentId, left)
  }

  #askSoon(): void {
    if (this.#timer !== undefined || this.#isStopped || this.#waiters.size === 0) return
    this.#timer = setTimeout(() => {
      this.#ask()
        // Who waits is told what holds when the time is over, whatever happens here.
        .catch((thrown: unknown) => this.#log('holds cannot be read', { error: String(thrown) }))
        .finally(() => {
          this.#timer = undefined
          this.#askSoon()
        })
    }, askMs)
  }

  async #ask(): Promise<void> {
    const holdIds = [...new Set([...this.#waiters].map((waiter) => waiter.holdId))]
    if (holdIds.length === 0) return
    const rows = await listHoldStandings(this.#db, this.#organisationId, holdIds)
    const over = new Set(rows.filter((row) => isOver(standingOf(row))).map((row) => row.holdId))
    for (const waiter of this.#waiters) if (over.has(waiter.holdId)) waiter.wake()
  }
}
