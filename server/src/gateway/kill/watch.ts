// Keeps the gateway's lease, and hears of kills: woken by the database, and asking each second. The
// order is the promise: what a kill stops is stopped here before the database hears that it is.
import { randomUUIDv7 } from 'node:crypto'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { ActiveKill } from '../../core/kill/kill.ts'
import {
  type Clocks,
  cutAfterMs,
  leaseEnd,
  leaseWaitMs,
  noLease,
  renewEveryMs,
} from '../../core/kill/lease.ts'
import { type Ack, KillLease } from '../../store/kills/kill-lease.ts'
import type { GatewayLog } from '../gateway-log.ts'
import type { Fence } from './fence.ts'

const reconnectMs = 250
const firstLeaseMsMax = 20_000
/** Kills that come while others are applied are read with the next turn. */
const turnsMax = 5

export type KillWatchOptions = {
  readonly databaseUrl: string
  readonly organisationId: OrganisationId
  /** For people: which process it is. */
  readonly name: string
  readonly fence: Fence
  readonly clocks: () => Clocks
  /** Called with all kills in force, after the fence has them. */
  readonly onKills: (kills: readonly ActiveKill[]) => void
  readonly log: GatewayLog
}

export class KillWatch implements AsyncDisposable {
  readonly gatewayId = randomUUIDv7()
  readonly #options: KillWatchOptions
  readonly #stopping = new AbortController()
  #lease: KillLease | undefined
  #epoch: bigint | undefined
  /** In force as of that epoch, and drills that were new with it. */
  #kills: readonly ActiveKill[] = []
  /** A new connection may lead to a database that has lost commits, where epochs come again. */
  #mustLoad = true
  /** The newest epoch that the database told of. */
  #told = 0n
  /** Of kills that were applied and whose epoch is not confirmed yet. */
  #acks: Ack[] = []
  #woken = Promise.withResolvers<void>()
  #running: Promise<void> = Promise.resolve()
  #cutTimer: NodeJS.Timeout | undefined

  private constructor(options: KillWatchOptions) {
    this.#options = options
  }

  /** Resolves with the first lease: before it nothing is dispatched. Throws `database.unreachable`. */
  static async start(options: KillWatchOptions): Promise<KillWatch> {
    const watch = new KillWatch(options)
    watch.#running = watch.#run()
    const deadline = performance.now() + firstLeaseMsMax
    while (!options.fence.isLeased && performance.now() < deadline) await options.fence.awaitLease()
    if (options.fence.isLeased) return watch
    await watch[Symbol.asyncDispose]()
    throw new AirworthyError('database.unreachable', 'the database gave the gateway no lease')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    this.#wake()
    await this.#running
    clearTimeout(this.#cutTimer)
    this.#options.fence.renew(noLease)
    await this.#lease?.end()
  }

  #wake(): void {
    this.#woken.resolve()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const sentMs = performance.now()
      let pauseMs = renewEveryMs
      try {
        if (this.#lease === undefined) await this.#connect()
        await this.#renew()
      } catch (thrown) {
        this.#options.log('the lease could not be renewed', { error: String(thrown) })
        await this.#giveUp()
        pauseMs = reconnectMs
      }
      const woken = this.#woken.promise
      await pause(Math.max(0, sentMs + pauseMs - performance.now()), woken)
      this.#woken = Promise.withResolvers()
    }
  }

  async #connect(): Promise<void> {
    const { databaseUrl, organisationId, name } = this.#options
    this.#lease = await KillLease.connect({
      databaseUrl,
      organisationId,
      name,
      gatewayId: this.gatewayId,
      onWoken: (epoch) => {
        this.#told = epoch
        this.#wake()
      },
      onLost: () => this.#wake(),
    })
    this.#mustLoad = true
    const applied = this.#kills.filter((kill) => kill.mode !== 'drill')
    if (this.#epoch !== undefined) await this.#lease.restore(applied, this.#epoch)
  }

  async #giveUp(): Promise<void> {
    const lease = this.#lease
    this.#lease = undefined
    await lease?.close()
  }

  /** Renews; where something was killed or resumed, applies that first and then confirms it. */
  async #renew(): Promise<void> {
    const { fence, clocks } = this.#options
    const lease = this.#lease
    if (lease === undefined) throw new Error('there is no connection for the lease')
    for (let turn = 0; turn < turnsMax; turn += 1) {
      // What was told is newer: a renewal would only be refused.
      if (!this.#mustLoad && this.#epoch !== undefined && this.#epoch >= this.#told) {
        // Read before it is sent: whatever takes long takes from the lease.
        const sent = clocks()
        if (await lease.renew(this.#epoch, this.#acks)) {
          this.#acks = []
          fence.renew(leaseEnd(sent))
          this.#cutLater()
          return
        }
      }
      await this.#apply(lease)
    }
    throw new Error('kills come faster than they can be confirmed')
  }

  async #apply(lease: KillLease): Promise<void> {
    const { fence, onKills, log } = this.#options
    const { epoch, kills } = await lease.load(this.#epoch)
    const cut = fence.apply(kills.filter((kill) => kill.mode !== 'drill'))
    onKills(kills)
    const known = new Set(this.#kills.map((kill) => kill.killId))
    this.#epoch = epoch
    this.#kills = kills
    this.#mustLoad = false
    // It may have been told of another organisation's.
    this.#told = epoch
    for (const { killId, mode } of kills) {
      if (known.has(killId)) continue
      this.#acks.push({ killId, cut: cut.get(killId) ?? 0 })
      log('a kill is in force', { kill: killId, mode, cut: cut.get(killId) ?? 0 })
    }
  }

  #cutLater(): void {
    this.#cutAfter(cutAfterMs, () => {
      // The process may have slept, and hear in a moment that all is well.
      this.#cutAfter(leaseWaitMs, () => {
        const { fence, log } = this.#options
        log('the gateway has no lease: what is under way is cut', { calls: fence.cutAll() })
      })
    })
  }

  #cutAfter(ms: number, next: () => void): void {
    clearTimeout(this.#cutTimer)
    this.#cutTimer = setTimeout(() => {
      if (!this.#options.fence.isLeased) next()
    }, ms)
    this.#cutTimer.unref()
  }
}

async function pause(ms: number, woken: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([over, woken])
  clearTimeout(timer)
}
