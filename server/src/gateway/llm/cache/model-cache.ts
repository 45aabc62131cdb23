// The parts of the caches that live as long as the process: what is written later, the indexes, and
// how the semantic caches stand.
import { type Standing, standingOf } from '../../../core/cache/false-hits.ts'
import type { CompiledSemanticCache } from '../../../core/pact/cache-schema.ts'
import type { OrganisationId } from '../../../core/ids.ts'
import type { Database } from '../../../store/database.ts'
import {
  type CacheOf,
  findStanding,
  type NewPair,
  recordPair,
} from '../../../store/models/model-cache-evidence.ts'
import type { PayloadVault } from '../../../store/audit/payloads.ts'
import type { GatewayLog } from '../../gateway-log.ts'
import { AgentIndexes } from './agent-indexes.ts'
import { EntryWriter } from './entry-writer.ts'

const standingTrustedMs = 2_000
const standingsMax = 10_000
const pairsQueuedMax = 1_000

type Known = { readonly isLive: boolean; readonly standing: Standing; readonly untilMs: number }

export class ModelCache implements AsyncDisposable {
  readonly writer: EntryWriter
  readonly indexes: AgentIndexes
  readonly #db: Database
  readonly #organisationId: OrganisationId
  readonly #log: GatewayLog
  readonly #standings = new Map<string, Known>()
  /** Pairs are written one after another: they count in the same row. */
  #pairs: Promise<void> = Promise.resolve()
  #pairsQueued = 0

  constructor(options: {
    db: Database
    organisationId: OrganisationId
    vault: PayloadVault
    log: GatewayLog
  }) {
    this.#db = options.db
    this.#organisationId = options.organisationId
    this.#log = options.log
    this.indexes = new AgentIndexes(options)
    this.writer = new EntryWriter({
      ...options,
      onWritten: (agentId) => this.indexes.changed(agentId),
    })
  }

  /** Whether the semantic cache may answer: it was let, and the evidence still is good enough. */
  async isLive(of: CacheOf, config: CompiledSemanticCache): Promise<boolean> {
    const name = nameOf(of)
    const known = this.#standings.get(name)
    if (known !== undefined && performance.now() < known.untilMs) return known.isLive
    const row = await findStanding(this.#db, this.#organisationId, of)
    const tally = row ?? { agree: 0, differ: 0, unsure: 0 }
    const standing = standingOf(tally, config.falseHitRateMax)
    const isLive = row?.mode === 'live' && standing.isWithinBudget
    if (this.#standings.size >= standingsMax) this.#standings.clear()
    const untilMs = performance.now() + standingTrustedMs
    this.#standings.set(name, { isLive, standing, untilMs })
    return isLive
  }

  /** Records a pair after the client has its reply. What does not fit is not recorded. */
  record(pair: NewPair): void {
    if (this.#pairsQueued >= pairsQueuedMax) return
    this.#pairsQueued += 1
    this.#pairs = this.#pairs.then(() => this.#recordNow(pair))
  }

  async #recordNow(pair: NewPair): Promise<void> {
    try {
      await recordPair(this.#db, this.#organisationId, pair)
      this.#standings.delete(nameOf(pair))
    } catch (error) {
      this.#log('a pair of the semantic cache was not recorded', { error: String(error) })
    } finally {
      this.#pairsQueued -= 1
    }
  }

  /** Waits for what is queued. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pairs
    await this.writer[Symbol.asyncDispose]()
  }
}

function nameOf({ agentId, model, make }: CacheOf): string {
  return `${agentId} ${model} ${make}`
}
