// Writes intents and outcomes. Calls that wait while a commit is in flight share the next one: no
// timer, at most 256 a batch, and each succeeds or is refused alone.
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { type Batch, closeBatch, openBatch } from './batch.ts'
import { connectRecorder, type Head, lockHead } from './connection.ts'
import { placeIntent } from './place-intent.ts'
import { placeOutcome } from './place-outcome.ts'
import { reclaimLeases } from './reclaim-leases.ts'
import { sendRows } from './rows.ts'
import { createState, loadState, type OpenCall, resetState, type Scope } from './state.ts'
import { loadCalls, loadHeldIds } from './load-calls.ts'
import type { Intent, IntentResult, Outcome, Proposal, Settled } from './types.ts'

export const batchItemsMax = 256
/** Calls that wait beyond this are refused: a queue without a bound is a memory leak. */
export const queueItemsMax = 8192
const reconnectDelayMsMin = 100
const reconnectDelayMsMax = 2000

type Deferred<T> = {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

type Item =
  | {
      readonly kind: 'intent'
      readonly intent: Intent
      readonly decided: Deferred<IntentResult>
      readonly durable: Deferred<IntentResult>
      wasDispatched: boolean
    }
  | { readonly kind: 'outcome'; readonly outcome: Outcome; readonly durable: Deferred<Settled> }

type Loaded = {
  readonly calls: ReadonlyMap<string, OpenCall>
  readonly heldIds: ReadonlySet<string>
}

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
    const decided = defer<IntentResult>()
    const durable = defer<IntentResult>()
    this.#enqueue({ kind: 'intent', intent, decided, durable, wasDispatched: false })
    return { decided: decided.promise, durable: durable.promise }
  }

  /** Writes what became of a call. Rejects with `log.unavailable`. */
  settle(outcome: Outcome): Promise<Settled> {
    const durable = defer<Settled>()
    this.#enqueue({ kind: 'outcome', outcome, durable })
    return durable.promise
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
    if (!this.#isRunning) void this.#run()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    // One turn of the event loop lets calls that arrive together share the first batch.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#queue.length > 0 && this.#scope !== undefined) {
      const items = this.#queue.splice(0, batchItemsMax)
      await this.#runBatch(items)
    }
    this.#isRunning = false
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
      await this.#recoverBatch(scope, items, cause)
    }
  }

  async #writeBatch(scope: Scope, items: Item[]): Promise<void> {
    const head = await lockHead(scope)
    if (head.size !== this.#state.size) resetState(this.#state, head.size)
    const loaded = await this.#load(scope, items)
    const batch = openBatch({
      scope,
      state: this.#state,
      nowMs: head.nowMs,
      openCalls: this.#openCalls,
    })
    await reclaimLeases(
      batch,
      items.map((item) => (item.kind === 'intent' ? item.intent : undefined)),
    )
    const placed = items.map((item) => this.#place(batch, item, loaded))
    await this.#commit(scope, { batch, head, placed })
    this.#state.size = batch.nextSeq
    for (const each of placed) each.onDurable()
  }

  /** Sends everything, lets leased calls leave, then waits until all of it is durable. */
  async #commit(
    scope: Scope,
    options: { batch: Batch; head: Head; placed: { onSent: () => void }[] },
  ): Promise<void> {
    const { batch, head, placed } = options
    closeBatch(batch)
    const waits =
      batch.rows.entries.length > 0 || batch.rows.effectChanges.length > 0
        ? sendRows(batch.rows, scope, { size: batch.firstSeq, at: head.at })
        : []
    const committed = scope.client.query('COMMIT')
    for (const each of placed) each.onSent()
    const results = await Promise.allSettled([...waits, committed])
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    const last = await committed
    if (last.command !== 'COMMIT') throw new Error(`the batch ended in ${last.command}`)
  }

  async #load(scope: Scope, items: Item[]): Promise<Loaded> {
    const resumeIds = items
      .filter((item) => item.kind === 'intent')
      .filter((item) => item.intent.resume !== undefined)
      .map((item) => item.intent.callId)
    const heldIds = resumeIds.length > 0 ? await loadHeldIds(scope, resumeIds) : new Set<string>()
    const unknownIds = items
      .filter((item) => item.kind === 'outcome')
      .map((item) => item.outcome.callId)
      .filter((callId) => !this.#openCalls.has(callId))
    const calls =
      unknownIds.length > 0 ? await loadCalls(scope, unknownIds) : new Map<string, OpenCall>()
    const sessionIds = new Set<string>()
    const apiKeyIds = new Set<string>()
    const effectKeys = new Set<string>()
    for (const item of items) {
      if (item.kind === 'intent') {
        sessionIds.add(item.intent.principal.sessionId)
        apiKeyIds.add(item.intent.principal.apiKeyId)
        if (item.intent.effect) effectKeys.add(item.intent.effect.key)
      } else {
        const call = this.#openCalls.get(item.outcome.callId) ?? calls.get(item.outcome.callId)
        if (call !== undefined) sessionIds.add(call.sessionId)
      }
    }
    await loadState(this.#state, scope, { sessionIds, apiKeyIds, effectKeys })
    return { calls, heldIds }
  }

  #place(batch: Batch, item: Item, loaded: Loaded): { onSent: () => void; onDurable: () => void } {
    if (item.kind === 'intent') {
      const { callId, resume } = item.intent
      if (resume !== undefined && !loaded.heldIds.has(callId)) {
        const error = new AirworthyError('hold.settled', 'the held call went on before')
        return { onSent: nothing, onDurable: () => fail(item, error) }
      }
      const { result, isLeased } = placeIntent(batch, item.intent, this.#options.newId)
      const onSent = (): void => {
        item.wasDispatched = true
        item.decided.resolve(result)
      }
      const onDurable = (): void => {
        item.decided.resolve(result)
        item.durable.resolve(result)
      }
      return { onSent: isLeased ? onSent : nothing, onDurable }
    }
    const { callId } = item.outcome
    const call = this.#openCalls.get(callId) ?? loaded.calls.get(callId)
    if (call === undefined) {
      const onDurable = (): void =>
        item.durable.reject(new AirworthyError('call.unknown', `call ${callId} is settled already`))
      return { onSent: nothing, onDurable }
    }
    const settled = placeOutcome(batch, call, item.outcome)
    return { onSent: nothing, onDurable: () => item.durable.resolve(settled) }
  }

  /**
   * A batch that failed was rolled back whole. One bad item must not refuse the others, so each
   * is tried again alone. If a model call left on its lease already, the connection is given up:
   * its lock goes with it, and recovery turns the lease into unknown.
   */
  async #recoverBatch(scope: Scope, items: Item[], cause: unknown): Promise<void> {
    this.#options.log('a batch of the log failed', { cause: String(cause), items: items.length })
    resetState(this.#state, -1n)
    for (const item of items) if (item.kind === 'intent') this.#openCalls.delete(item.intent.callId)
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
      const outcomes = rest.filter((item) => item.kind === 'outcome')
      for (const item of rest) {
        if (item.kind === 'intent') fail(item, unavailable('the log cannot be written', cause))
      }
      this.#queue.unshift(...outcomes)
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
    if (this.#scope !== scope) return
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
        if (!this.#isRunning && this.#queue.length > 0) void this.#run()
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

function nothing(): void {
  // Most calls have nothing to do before their batch is durable.
}

function unavailable(message: string, cause?: unknown): AirworthyError {
  return new AirworthyError('log.unavailable', message, { cause })
}

function fail(item: Item, error: AirworthyError): void {
  if (item.kind === 'intent') item.decided.reject(error)
  item.durable.reject(error)
}

function defer<T>(): Deferred<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  // Whoever does not wait for it must not bring the process down.
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}
