// The vectors of each agent's cached questions, in memory: loaded at the first question, kept in step
// with the database by the numbers of its changes, dropped when idle or when all together grow too big.
import { bytesPerVector, type Neighbour, VectorIndex } from '../../../core/cache/vector-index.ts'
import { dimensions } from '../../../core/cache/vector.ts'
import type { OrganisationId } from '../../../core/ids.ts'
import type { Database } from '../../../store/database.ts'
import { removedKeptMs } from '../../../store/models/model-cache.ts'
import {
  type CacheChange,
  readChanges,
  readLastChange,
} from '../../../store/models/model-cache-changes.ts'
import type { PayloadVault } from '../../../store/audit/payloads.ts'
import type { GatewayLog } from '../../gateway-log.ts'

const bytesMax = 256 * 1024 * 1024
/** Opening a page keeps the process for a few milliseconds. */
const pageChanges = 500
const stepAfterMs = 500
/** A lookup does not wait longer for an index: it is a miss. */
const lookupWaitMs = 500
const idleMs = 600_000
const noEntry = '00000000-0000-0000-0000-000000000000'

type AgentIndex = {
  readonly partitions: Map<string, VectorIndex>
  /** The partition of each entry. */
  readonly places: Map<string, string>
  after: { change: bigint; entryId: string }
  steppedAtMs: number
  /** How often this process heard of a change. */
  heard: number
  usedAtMs: number
  stepping: Promise<void> | undefined
}

export type IndexQuery = {
  readonly agentId: string
  readonly partition: Buffer
  readonly make: string
  readonly vector: Int8Array
  readonly threshold: number
  readonly limit: number
}

export class AgentIndexes {
  readonly #db: Database
  readonly #organisationId: OrganisationId
  readonly #vault: PayloadVault
  readonly #log: GatewayLog
  readonly #agents = new Map<string, AgentIndex>()

  constructor(options: {
    db: Database
    organisationId: OrganisationId
    vault: PayloadVault
    log: GatewayLog
  }) {
    this.#db = options.db
    this.#organisationId = options.organisationId
    this.#vault = options.vault
    this.#log = options.log
  }

  /** The nearest of the partition. None while the index is being loaded for longer than a moment. */
  async nearest(query: IndexQuery): Promise<Neighbour[]> {
    const index = this.#open(query.agentId)
    const isInStep = await withinTime(this.#step(query.agentId, index), lookupWaitMs)
    if (!isInStep) return []
    const partition = index.partitions.get(placeOf(query.partition, query.make))
    return partition?.nearest(query.vector, query) ?? []
  }

  /** The agent's entries have changed: the next lookup looks. */
  changed(agentId: string): void {
    const index = this.#agents.get(agentId)
    if (index === undefined) return
    index.heard += 1
    index.steppedAtMs = -Infinity
  }

  /** Brings every index in step, so that what was erased leaves the memory; drops idle ones. */
  async sweep(): Promise<void> {
    const nowMs = performance.now()
    for (const [agentId, index] of this.#agents) {
      if (nowMs - index.usedAtMs > idleMs) this.#agents.delete(agentId)
      else await this.#step(agentId, index)
    }
  }

  #open(agentId: string): AgentIndex {
    const nowMs = performance.now()
    let index = this.#agents.get(agentId)
    // What was removed long ago is not told any more.
    if (index !== undefined && nowMs - index.steppedAtMs > removedKeptMs / 2) {
      if (index.steppedAtMs !== -Infinity) index = undefined
    }
    index ??= {
      partitions: new Map(),
      places: new Map(),
      after: { change: 0n, entryId: noEntry },
      steppedAtMs: -Infinity,
      heard: 0,
      usedAtMs: nowMs,
      stepping: undefined,
    }
    index.usedAtMs = nowMs
    // The most recently used stands last.
    this.#agents.delete(agentId)
    this.#agents.set(agentId, index)
    this.#shrink()
    return index
  }

  #shrink(): void {
    let bytes = 0
    for (const index of this.#agents.values()) bytes += index.places.size * bytesPerVector
    for (const [agentId, index] of this.#agents) {
      if (bytes <= bytesMax || this.#agents.size === 1) return
      bytes -= index.places.size * bytesPerVector
      this.#agents.delete(agentId)
    }
  }

  #step(agentId: string, index: AgentIndex): Promise<void> {
    if (performance.now() - index.steppedAtMs < stepAfterMs) return Promise.resolve()
    index.stepping ??= this.#readOn(agentId, index)
      .catch((error: unknown) => {
        this.#log('the index of a cache could not be read', { error: String(error) })
        throw error
      })
      .finally(() => {
        index.stepping = undefined
      })
    return index.stepping
  }

  async #readOn(agentId: string, index: AgentIndex): Promise<void> {
    const beganMs = performance.now()
    const { heard } = index
    const last = await readLastChange(this.#db, this.#organisationId, agentId)
    // Of one change there may be more than a page: it is read from its first entry again.
    let { after } = index
    if (last > after.change) {
      const open = this.#vault.opener()
      for (;;) {
        const of = { agentId, after, limit: pageChanges }
        const changes = await readChanges(this.#db, this.#organisationId, of)
        for (const change of changes) apply(index, change, open)
        const end = changes.at(-1)
        if (end !== undefined) after = { change: end.change, entryId: end.entryId }
        if (changes.length < pageChanges) break
      }
      index.after = { change: after.change > last ? after.change : last, entryId: maxEntry }
    }
    // What was heard of meanwhile may not have been read.
    if (index.heard === heard) index.steppedAtMs = beganMs
  }
}

const maxEntry = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

function apply(
  index: AgentIndex,
  { entryId, added }: CacheChange,
  open: ReturnType<PayloadVault['opener']>,
): void {
  const before = index.places.get(entryId)
  if (before !== undefined) {
    const partition = index.partitions.get(before)
    partition?.delete(entryId)
    if (partition?.size === 0) index.partitions.delete(before)
    index.places.delete(entryId)
  }
  if (added === undefined) return
  const bytes = open(added.wrappedKey, added.sealedVector)
  if (bytes.length !== dimensions) return
  const place = placeOf(added.partition, added.make)
  const partition = index.partitions.get(place) ?? new VectorIndex()
  index.partitions.set(place, partition)
  partition.set(entryId, new Int8Array(bytes))
  index.places.set(entryId, place)
}

function placeOf(partition: Buffer, make: string): string {
  return `${partition.toString('base64')} ${make}`
}

/** Whether it was done in time, and well. */
async function withinTime(work: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  const done = work.then(
    () => true,
    () => false,
  )
  try {
    return await Promise.race([done, late])
  } finally {
    clearTimeout(timer)
  }
}
