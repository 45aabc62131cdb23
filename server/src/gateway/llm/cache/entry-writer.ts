// Writes what is to be cached after the client has its reply: a bounded queue, and one transaction for
// what an agent's calls left meanwhile. What does not fit is not cached.
import type { OrganisationId } from '../../../core/ids.ts'
import type { Database } from '../../../store/database.ts'
import {
  type CacheLimits,
  type NewEntry,
  touchEntries,
  writeEntries,
} from '../../../store/models/model-cache.ts'
import type { GatewayLog } from '../../gateway-log.ts'

const entriesQueuedMax = 1_000
const bytesQueuedMax = 32 * 1024 * 1024
const batchMax = 100
const hitsQueuedMax = 10_000
const flushAfterMs = 20

type Queued = { readonly entries: Map<string, NewEntry>; limits: CacheLimits }

export class EntryWriter implements AsyncDisposable {
  readonly #db: Database
  readonly #organisationId: OrganisationId
  readonly #log: GatewayLog
  readonly #onWritten: (agentId: string) => void
  readonly #queued = new Map<string, Queued>()
  readonly #hits = new Map<string, Map<string, number>>()
  #entries = 0
  #bytes = 0
  #flushing: Promise<void> | undefined
  #isClosed = false

  constructor(options: {
    db: Database
    organisationId: OrganisationId
    log: GatewayLog
    onWritten: (agentId: string) => void
  }) {
    this.#db = options.db
    this.#organisationId = options.organisationId
    this.#log = options.log
    this.#onWritten = options.onWritten
  }

  write(agentId: string, entry: NewEntry, limits: CacheLimits): void {
    const size = entry.content.sealed.length
    const isFull = this.#entries >= entriesQueuedMax || this.#bytes + size > bytesQueuedMax
    // One that is too big alone would drive out all others, and then go itself.
    const sizeAll = size + (entry.semantic?.vector.length ?? 0)
    if (this.#isClosed || isFull || sizeAll > limits.bytesMax) return
    const queued = this.#queued.get(agentId) ?? { entries: new Map<string, NewEntry>(), limits }
    this.#queued.set(agentId, queued)
    queued.limits = limits
    // Of two replies to one request the later one is kept.
    queued.entries.set(entry.key.toString('hex'), entry)
    this.#entries += 1
    this.#bytes += size
    this.#start()
  }

  touch(agentId: string, entryId: string): void {
    const hits = this.#hits.get(agentId) ?? new Map<string, number>()
    if (this.#isClosed || hits.size >= hitsQueuedMax) return
    this.#hits.set(agentId, hits.set(entryId, (hits.get(entryId) ?? 0) + 1))
    this.#start()
  }

  #start(): void {
    this.#flushing ??= this.#flush()
  }

  async #flush(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, flushAfterMs))
    while (this.#queued.size > 0 || this.#hits.size > 0) {
      try {
        await this.#flushOnce()
      } catch (error) {
        // A reply that is not cached is asked for again: nothing is lost but time.
        this.#log('the cache could not be written', { error: String(error) })
      }
    }
    this.#flushing = undefined
  }

  async #flushOnce(): Promise<void> {
    const [agentId, queued] = this.#queued.entries().next().value ?? []
    if (agentId !== undefined && queued !== undefined) {
      const keys = [...queued.entries.keys()].slice(0, batchMax)
      const entries = keys.flatMap((key) => queued.entries.get(key) ?? [])
      for (const key of keys) queued.entries.delete(key)
      if (queued.entries.size === 0) this.#queued.delete(agentId)
      await writeEntries(this.#db, this.#organisationId, {
        agentId,
        entries,
        limits: queued.limits,
      }).finally(() => this.#release(entries))
      this.#onWritten(agentId)
    }
    const [touchedId, hits] = this.#hits.entries().next().value ?? []
    if (touchedId !== undefined && hits !== undefined) {
      this.#hits.delete(touchedId)
      await touchEntries(this.#db, this.#organisationId, { agentId: touchedId, hits })
    }
  }

  #release(entries: readonly NewEntry[]): void {
    this.#entries = this.#queued.size === 0 ? 0 : this.#entries - entries.length
    const bytes = entries.reduce((sum, entry) => sum + entry.content.sealed.length, 0)
    this.#bytes = this.#queued.size === 0 ? 0 : this.#bytes - bytes
  }

  /** Waits until everything that was queued is written. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await this.#flushing
  }
}
