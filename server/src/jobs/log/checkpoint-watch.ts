// Waits until a signed checkpoint has an entry: this replica may have signed it, or another one.
import type { OrganisationId } from '../../core/ids.ts'
import { findCoveringCheckpoint } from '../../store/log/checkpoints.ts'
import type { Database } from '../../store/database.ts'

/** How often the database is asked, when another replica signs. */
const askEveryMs = 250

export class CheckpointWatch {
  readonly #options: {
    readonly db: Database
    readonly organisationId: OrganisationId
    readonly mustBeWitnessed: boolean
  }
  #woken = Promise.withResolvers<void>()

  constructor(options: {
    readonly db: Database
    readonly organisationId: OrganisationId
    readonly mustBeWitnessed: boolean
  }) {
    this.#options = options
  }

  /** This replica has signed: whoever waits looks at once. */
  wake(): void {
    this.#woken.resolve()
    this.#woken = Promise.withResolvers()
  }

  /** True once a checkpoint has the entry; false when the time is over. */
  async wait(of: {
    readonly logId: string
    readonly index: number
    readonly timeoutMs: number
  }): Promise<boolean> {
    const { db, organisationId, mustBeWitnessed } = this.#options
    const deadline = performance.now() + of.timeoutMs
    for (;;) {
      const woken = this.#woken.promise
      const found = await findCoveringCheckpoint(db, organisationId, { ...of, mustBeWitnessed })
      if (found !== undefined) return true
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) return false
      await Promise.race([woken, pause(Math.min(askEveryMs, leftMs))])
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
