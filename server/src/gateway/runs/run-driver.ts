// Works on runs that are taken back or completed: some at once, each under a lease, so that any
// gateway on the database goes on where another stopped.
import { leaseRuns, type RunLease } from '../../store/runs/run-work.ts'
import type { Gateway } from '../gateway.ts'
import { driveRun } from './drive-run.ts'

const atOnceMax = 32

type Options = { readonly gateway: () => Gateway }

export class RunDriver implements AsyncDisposable {
  readonly #gateway: () => Gateway
  readonly #driving = new Set<Promise<void>>()
  #leasing: Promise<void> | undefined
  #isWoken = false
  readonly #stopping = new AbortController()

  constructor(options: Options) {
    this.#gateway = options.gateway
  }

  /** Looks for work soon; never throws. */
  wake(): void {
    this.lease().catch((error: unknown) =>
      this.#gateway().log('runs could not be leased; it is tried again', { error: String(error) }),
    )
  }

  /** Leases what can be worked on now, and begins with it. */
  async lease(): Promise<void> {
    if (this.#leasing !== undefined) {
      this.#isWoken = true
      return
    }
    this.#leasing = this.#leaseAll()
    try {
      await this.#leasing
    } finally {
      this.#leasing = undefined
    }
  }

  async #leaseAll(): Promise<void> {
    const { db, organisationId, recorder } = this.#gateway()
    do {
      this.#isWoken = false
      const { replicaId } = recorder
      const limit = atOnceMax - this.#driving.size
      if (replicaId === undefined || limit <= 0 || this.#stopping.signal.aborted) return
      const leases = await leaseRuns(db, organisationId, { replicaId, limit })
      for (const lease of leases) this.#begin(lease)
    } while (this.#isWoken)
  }

  #begin(lease: RunLease): void {
    const driving = driveRun(this.#gateway(), lease, this.#stopping.signal)
      .catch((error: unknown) =>
        // Its lease ends by itself; then it is taken up again.
        this.#gateway().log('a run could not be driven on', {
          run: lease.runId,
          error: String(error),
        }),
      )
      .finally(() => {
        this.#driving.delete(driving)
        // There may be more than were begun at once.
        if (!this.#stopping.signal.aborted) this.wake()
      })
    this.#driving.add(driving)
  }

  /** Waits for the step under way of each run; the next ones are another gateway's. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#leasing?.catch(() => undefined)
    await Promise.all(this.#driving)
  }
}
