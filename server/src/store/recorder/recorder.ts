// Writes intents and outcomes. Calls that wait while a commit is in flight share the next one: no
// timer, a bounded batch, and each succeeds or is refused alone.
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { alertsToLog } from './alerts-to-log.ts'
import { type Batch, closeBatch, openBatch } from './batch.ts'
import { connectRecorder, findNextLog, isLogClosed, lockHead } from './connection.ts'
import {
  batchItemsMax,
  fail,
  intentItem,
  type Item,
  type Loaded,
  outcomeItem,
  type PlacedItem,
  placeItem,
  takeBatch,
  unavailable,
} from './items.ts'
import { isCallKnown, isIntentKnown, loadItems } from './load-items.ts'
import { reclaimLeases } from './reclaim-leases.ts'
import { batchStatements } from './send-rows.ts'
import { type Sent, sendStatements, type Statement } from './statements.ts'
import { createState, type OpenCall, resetState, type Scope } from './state.ts'
import type { Intent, Outcome, Proposal, Settled } from './types.ts'

// A second batch would stand on the first; that one's failure, and as many entries of somebody
// else's, would leave the head's size as it is expected.
const sentMax = 1
/** After somebody else wrote, this many batches take the lock before they are decided. */
const disturbedBatches = 50
/** Calls that wait beyond this are refused: a queue without a bound is a memory leak. */
export const queueItemsMax = 8192
const reconnectDelayMsMin = 100
const reconnectDelayMsMax = 2000

type AheadHead = { readonly nowMs: number; readonly at: string }
type SentBatch = { readonly items: Item[]; readonly done: Promise<void> }

const nothingLoaded: Loaded = { calls: new Map(), heldIds: new Set(), replaceable: new Map() }

const commit: Statement = { name: 'airworthy-commit', text: 'COMMIT' }

export type RecorderOptions = {
  readonly databaseUrl: string
  readonly organisationId: OrganisationId
  readonly newId: () => string
  /** Called with every new connection: the replica before it may need recovery. */
  readonly onConnected: (replicaId: string) => void
  readonly log: (message: string, fields?: Record<string, unknown>) => void
}

export class Recorder implements AsyncDisposable {
  readonly #options: RecorderOptions
  readonly #state = createState()
  readonly #openCalls = new Map<string, OpenCall>()
  #scope: Scope | undefined
  #queue: Item[] = []
  /** Sent and not yet durable, oldest first. */
  #sent: SentBatch[] = []
  /** Batches that are not sent ahead, because other writers disturb. */
  #disturbed = 0
  #lastMs = 0
  #clock: { readonly nowMs: number; readonly readAt: number } | undefined
  #isRunning = false
  #isStopped = false
  #reconnecting: Promise<void> | undefined

  private constructor(options: RecorderOptions) {
    this.#options = options
  }

  /** Connects and registers this process as a replica. Throws `log.unavailable`. */
  static async start(options: RecorderOptions): Promise<Recorder> {
    const recorder = new Recorder(options)
    await recorder.#connect()
    return recorder
  }

  get replicaId(): string | undefined {
    return this.#scope?.replicaId
  }

  get openCallCount(): number {
    return this.#openCalls.size
  }

  /** The oldest call of this replica whose outcome is open, for recovery's floor. */
  oldestOpenCall(): string | undefined {
    let oldest: string | undefined
    for (const id of this.#openCalls.keys()) if (oldest === undefined || id < oldest) oldest = id
    return oldest
  }

  /** Decides about a call and writes its intent. Rejects with `log.unavailable`. */
  propose(intent: Intent): Proposal {
    const item = intentItem(intent)
    this.#enqueue(item)
    return { decided: item.decided.promise, durable: item.durable.promise }
  }

  /** Writes what became of a call. Rejects with `log.unavailable`. */
  settle(outcome: Outcome): Promise<Settled> {
    const item = outcomeItem(outcome)
    this.#enqueue(item)
    return item.durable.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#isRunning || this.#queue.length > 0) {
      if (this.#scope === undefined) break
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    this.#isStopped = true
    const scope = this.#scope
    this.#scope = undefined
    if (scope === undefined) return
    await scope.client.query('SELECT 1').catch(() => undefined)
    await scope.client.end().catch(() => undefined)
  }

  #enqueue(item: Item): void {
    if (this.#isStopped || this.#scope === undefined) {
      fail(item, unavailable('the database is not connected'))
      return
    }
    if (this.#queue.length >= queueItemsMax && item.kind === 'intent') {
      fail(item, new AirworthyError('gateway.overloaded', 'too many calls wait for the log'))
      return
    }
    this.#queue.push(item)
    if (!this.#isRunning) this.#start()
  }

  #start(): void {
    this.#run().catch((cause: unknown) => {
      // A defect: what is remembered may be wrong, so all of it is given up with the connection.
      this.#options.log('the recorder failed', { cause: String(cause) })
      this.#isRunning = false
      if (this.#scope !== undefined) this.#lose(this.#scope)
    })
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    // One turn of the event loop lets calls that arrive together share the first batch.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#scope !== undefined && (this.#queue.length > 0 || this.#sent.length > 0)) {
      const [oldest] = this.#sent
      if (oldest !== undefined && (this.#queue.length === 0 || this.#sent.length >= sentMax)) {
        await this.#finishOldest(oldest)
        continue
      }
      const items = takeBatch(this.#queue)
      const head = this.#headAhead(items)
      if (head !== undefined && this.#trySendAhead(this.#scope, items, head)) continue
      for (const sent of this.#sent) await this.#finishOldest(sent)
      await this.#runBatch(items)
    }
    this.#isRunning = false
  }

  /** Set where all that the batch needs is known, so that it can be decided before it has the lock. */
  #headAhead(items: readonly Item[]): AheadHead | undefined {
    if (this.#state.size < 0n || this.#clock === undefined) return undefined
    if (this.#disturbed > 0) {
      this.#disturbed -= 1
      return undefined
    }
    const head = this.#headNow()
    const isKnown = items.every((item) => {
      if (item.kind === 'intent') return isIntentKnown(this.#state, item.intent, head.nowMs)
      const call = this.#openCalls.get(item.outcome.callId)
      return call !== undefined && isCallKnown(this.#state, call)
    })
    return isKnown ? head : undefined
  }

  /** False where an item cannot be placed: then all are done again, and that one fails alone. */
  #trySendAhead(scope: Scope, items: Item[], head: AheadHead): boolean {
    try {
      this.#sendAhead(scope, items, head)
      return true
    } catch (cause) {
      this.#options.log('a batch could not be decided ahead', { cause: String(cause) })
      this.#forget(items)
      return false
    }
  }

  /**
   * Sends a whole batch at once, lock and commit with it: it is decided on what this replica wrote
   * last. If anybody else wrote since, the head is not where it is expected: the database refuses
   * the batch whole, and it is done again.
   */
  #sendAhead(scope: Scope, items: Item[], head: AheadHead): void {
    const batch = openBatch({ ...head, scope, state: this.#state, openCalls: this.#openCalls })
    const options = { loaded: nothingLoaded, newId: this.#options.newId }
    const placed = items.map((item) => placeItem(batch, item, options))
    closeBatch(batch)
    placed.push(...alertsToLog(batch, this.#options.log))
    const done = this.#finishAhead(placed, sendStatements(scope.client, statementsOf(batch)))
    // Waited for in its turn.
    done.catch(() => undefined)
    this.#state.size = batch.nextSeq
    this.#sent.push({ items, done })
  }

  async #finishAhead(placed: readonly PlacedItem[], sent: Sent): Promise<void> {
    const [at] = (await sent.first) ?? []
    // The head stands where the batch was decided, and is locked.
    if (at != null) this.#setClock(Date.parse(at))
    for (const each of placed) each.onLocked()
    await sent.done
    for (const each of placed) each.onDurable()
  }

  #setClock(nowMs: number): void {
    this.#clock = { nowMs, readAt: performance.now() }
  }

  /** The database's clock, carried on by this machine's since it was read with the last batch. */
  #headNow(): AheadHead {
    const { nowMs, readAt } = this.#clock ?? { nowMs: 0, readAt: 0 }
    const now = Math.max(Math.round(nowMs + performance.now() - readAt), this.#lastMs)
    this.#lastMs = now
    return { nowMs: now, at: new Date(now).toISOString() }
  }

  async #finishOldest(sent: SentBatch): Promise<void> {
    try {
      await sent.done
      this.#sent = this.#sent.filter((each) => each !== sent)
    } catch (cause) {
      // What was sent behind it stood on it, and failed as well.
      const all = this.#sent
      this.#sent = []
      await Promise.allSettled(all.map((each) => each.done))
      this.#disturbed = disturbedBatches
      await this.#doAgain(
        all.flatMap((each) => each.items),
        cause,
      )
    }
  }

  /** What was sent ahead in vain is done with the lock in hand, as far as that is safe. */
  async #doAgain(items: Item[], cause: unknown): Promise<void> {
    const scope = this.#scope
    if (scope === undefined) {
      this.#giveUp(items, cause)
      return
    }
    if (items.some((item) => item.kind === 'intent' && item.wasDispatched)) {
      await this.#recoverBatch(scope, items, cause)
      return
    }
    this.#forget(items)
    for (let at = 0; at < items.length; at += batchItemsMax) {
      await this.#runBatch(items.slice(at, at + batchItemsMax))
    }
  }

  /** The rows were rolled back, so what is remembered of them is not true. */
  #forget(items: readonly Item[]): void {
    resetState(this.#state, -1n)
    for (const item of items) if (item.kind === 'intent') this.#openCalls.delete(item.intent.callId)
  }

  /** Without a database calls are refused; outcomes wait for it to come back. */
  #giveUp(items: readonly Item[], cause: unknown): void {
    for (const item of items) {
      if (item.kind === 'intent') fail(item, unavailable('the log cannot be written', cause))
    }
    this.#queue.unshift(...items.filter((item) => item.kind === 'outcome'))
  }

  async #runBatch(items: Item[]): Promise<void> {
    const scope = this.#scope
    if (scope === undefined) {
      for (const item of items) fail(item, unavailable('the database is not connected'))
      return
    }
    try {
      await this.#writeBatch(scope, items)
    } catch (cause) {
      const next = isLogClosed(cause) ? await findNextLog(scope).catch(() => undefined) : undefined
      if (next === undefined) {
        await this.#recoverBatch(scope, items, cause)
        return
      }
      // The log was rotated: the same calls go on in the next shard.
      resetState(this.#state, -1n)
      this.#scope = next
      await this.#runBatch(items)
    }
  }

  async #writeBatch(scope: Scope, items: Item[]): Promise<void> {
    const head = await lockHead(scope)
    this.#setClock(head.nowMs)
    if (head.size !== this.#state.size) resetState(this.#state, head.size)
    const known = { scope, state: this.#state, openCalls: this.#openCalls }
    const loaded = await loadItems({ ...known, items, nowMs: head.nowMs })
    const batch = openBatch({ ...head, ...known })
    await reclaimLeases(
      batch,
      items.map((item) => (item.kind === 'intent' ? item.intent : undefined)),
    )
    const options = { loaded, newId: this.#options.newId }
    const placed = items.map((item) => placeItem(batch, item, options))
    closeBatch(batch)
    placed.push(...alertsToLog(batch, this.#options.log))
    const statements = [...statementsOf(batch), { statement: commit, values: [] }]
    const { done } = sendStatements(scope.client, statements)
    for (const each of placed) each.onLocked()
    await done
    this.#state.size = batch.nextSeq
    for (const each of placed) each.onDurable()
  }

  /**
   * A batch that failed was rolled back whole. One bad item must not refuse the others, so each
   * is tried again alone. If a model call left on its lease already, the connection is given up:
   * its lock goes with it, and recovery turns the lease into unknown.
   */
  async #recoverBatch(scope: Scope, items: Item[], cause: unknown): Promise<void> {
    this.#options.log('a batch of the log failed', { cause: String(cause), items: items.length })
    this.#forget(items)
    const dispatched = items.filter((item) => item.kind === 'intent' && item.wasDispatched)
    for (const item of dispatched) fail(item, unavailable('the intent could not be written', cause))
    const rest = items.filter((item) => !dispatched.includes(item))
    const isUsable =
      dispatched.length === 0 &&
      this.#scope === scope &&
      (await scope.client.query('ROLLBACK').then(
        () => true,
        () => false,
      ))
    if (!isUsable) {
      this.#lose(scope)
      this.#giveUp(rest, cause)
      await this.#reconnecting
      return
    }
    const [only] = rest
    if (rest.length === 1 && only !== undefined) {
      fail(only, unavailable('the entry could not be written', cause))
      return
    }
    for (const item of rest) await this.#runBatch([item])
  }

  #lose(scope: Scope): void {
    if (this.#scope?.client !== scope.client) return
    this.#scope = undefined
    this.#openCalls.clear()
    resetState(this.#state, -1n)
    scope.client.removeAllListeners('end')
    void scope.client.end().catch(() => undefined)
    if (this.#isStopped) return
    const waiting = this.#queue.filter((item) => item.kind === 'intent')
    this.#queue = this.#queue.filter((item) => item.kind === 'outcome')
    for (const item of waiting) fail(item, unavailable('the connection to the database was lost'))
    this.#reconnecting ??= this.#reconnect()
  }

  async #reconnect(): Promise<void> {
    let delayMs = reconnectDelayMsMin
    while (!this.#isStopped) {
      try {
        await this.#connect()
        this.#reconnecting = undefined
        if (!this.#isRunning && this.#queue.length > 0) this.#start()
        return
      } catch {
        await new Promise((resolve) => setTimeout(resolve, delayMs))
        delayMs = Math.min(delayMs * 2, reconnectDelayMsMax)
      }
    }
    for (const item of this.#queue.splice(0)) fail(item, unavailable('the server stopped'))
  }

  async #connect(): Promise<void> {
    let scope: Scope | undefined
    const onLost = (): void => {
      if (scope !== undefined) this.#lose(scope)
    }
    const { databaseUrl, organisationId, newId } = this.#options
    scope = await connectRecorder({ databaseUrl, organisationId, newId, onLost })
    resetState(this.#state, -1n)
    this.#scope = scope
    this.#options.onConnected(scope.replicaId)
  }
}

function statementsOf(batch: Batch) {
  const { rows, scope, firstSeq, nextSeq, at } = batch
  return batchStatements(rows, scope, { size: firstSeq, nextSize: nextSeq, at })
}
