// Keeps what became of routed calls until it is written, some at a time: reports may come a moment
// late, and no call waits for them.
import type { OrganisationId } from '../../../core/ids.ts'
import type { Database } from '../../../store/database.ts'
import { insertRoutedCalls, type RoutedCall } from '../../../store/models/routed-calls.ts'
import type { GatewayLog } from '../../gateway-log.ts'

const waitingMax = 10_000
const batchMax = 500
const flushMs = 500

export class RouteJournal implements AsyncDisposable {
  readonly #db: Database
  readonly #organisationId: OrganisationId
  readonly #log: GatewayLog
  readonly #waiting: RoutedCall[] = []
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> | undefined

  constructor(options: { db: Database; organisationId: OrganisationId; log: GatewayLog }) {
    this.#db = options.db
    this.#organisationId = options.organisationId
    this.#log = options.log
  }

  /** What comes while too much waits is left out: the call's own record has it too. */
  add(call: RoutedCall): void {
    if (this.#waiting.length >= waitingMax) return
    this.#waiting.push(call)
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.flush()
    }, flushMs)
    this.#timer.unref()
  }

  /** Writes what waits. Never rejects: what cannot be written is logged and left out. */
  async flush(): Promise<void> {
    await this.#flushing
    if (this.#waiting.length === 0) return
    this.#flushing = this.#write()
    await this.#flushing
    this.#flushing = undefined
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, batchMax)
      try {
        await insertRoutedCalls(this.#db, this.#organisationId, batch)
      } catch (thrown) {
        const cause = thrown instanceof Error ? thrown.message : String(thrown)
        this.#log('routed calls were not written', { calls: batch.length, cause })
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer)
    await this.flush()
  }
}
