// What stands between this process and the world: nothing is dispatched without a lease, and nothing
// that a kill stops. It is asked, without waiting, right before bytes leave; and it knows the calls
// that are under way, so that a kill cuts them.
import { AirworthyError } from '../../core/errors.ts'
import {
  type ActiveKill,
  describeScope,
  type DispatchUse,
  findKill,
  type KillSubject,
} from '../../core/kill/kill.ts'
import { type Clocks, isLeased, leaseWaitMs, noLease } from '../../core/kill/lease.ts'

export class Fence {
  readonly #clocks: () => Clocks
  readonly #live = new Set<LiveCall>()
  #kills: readonly ActiveKill[] = []
  #leaseEnd: Clocks = noLease
  #leased = Promise.withResolvers<void>()

  constructor(clocks: () => Clocks) {
    this.#clocks = clocks
  }

  get isLeased(): boolean {
    return isLeased(this.#leaseEnd, this.#clocks())
  }

  /** Calls that are under way. */
  get liveCount(): number {
    return this.#live.size
  }

  /** Why nothing at all may leave now; undefined while there is a lease. */
  leaseRefusal(): AirworthyError | undefined {
    return this.isLeased ? undefined : leaseEnded()
  }

  /** Why this may not be done; undefined where no kill stops it. Asks for no lease. */
  killRefusal(subject: KillSubject, use: DispatchUse = 'call'): AirworthyError | undefined {
    if (this.#kills.length === 0) return undefined
    const kill = findKill(this.#kills, subject, use)
    return kill === undefined ? undefined : stopped(kill)
  }

  /**
   * Whether a call may come in at all: undefined where it may, which is nearly always. Throws
   * `kill.active`; rejects with `gateway.lease_ended` where none comes in a moment.
   */
  admit(subject: KillSubject, { mayWait }: { mayWait: boolean }): Promise<void> | undefined {
    const refusal = this.killRefusal(subject)
    if (refusal !== undefined) throw refusal
    return this.isLeased || !mayWait ? undefined : this.#admitLate()
  }

  async #admitLate(): Promise<void> {
    await this.awaitLease()
    const refusal = this.leaseRefusal()
    if (refusal !== undefined) throw refusal
  }

  /** Resolves when there is a lease, or after a moment without. */
  async awaitLease(): Promise<void> {
    if (this.isLeased) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, leaseWaitMs)
    })
    await Promise.race([this.#leased.promise, late])
    clearTimeout(timer)
  }

  /** A call that may dispatch something. Whoever enters it disposes of it. */
  enter(subject: KillSubject, use: DispatchUse = 'call'): LiveCall {
    const call = new LiveCall(this, { subject, use, leave: () => this.#live.delete(call) })
    this.#live.add(call)
    const refusal = this.killRefusal(subject, use)
    if (refusal !== undefined) call.cut(refusal)
    return call
  }

  /**
   * From here on these are the kills in force. What is under way and is stopped by one is cut before
   * this returns. Gives how many calls each new kill cut.
   */
  apply(kills: readonly ActiveKill[]): ReadonlyMap<string, number> {
    this.#kills = kills
    const cut = new Map<string, number>()
    for (const call of this.#live) {
      const kill = call.isCut ? undefined : findKill(kills, call.subject, call.use)
      if (kill === undefined) continue
      cut.set(kill.killId, (cut.get(kill.killId) ?? 0) + 1)
      call.cut(stopped(kill))
    }
    return cut
  }

  /** The lease goes on until then. */
  renew(end: Clocks): void {
    const wasLeased = this.isLeased
    this.#leaseEnd = end
    if (wasLeased || !this.isLeased) return
    this.#leased.resolve()
    this.#leased = Promise.withResolvers()
    for (const call of this.#live) call.wake()
  }

  /** There has been no lease for long: what is under way is given up. */
  cutAll(): number {
    const { size } = this.#live
    for (const call of this.#live) call.cut(leaseEnded())
    return size
  }
}

/** One call as the fence knows it: asked before each of its dispatches, and cut by a kill. */
export class LiveCall implements Disposable {
  readonly subject: KillSubject
  readonly use: DispatchUse
  readonly #fence: Fence
  readonly #leave: () => void
  #reason: AirworthyError | undefined
  #onCut: Set<(reason: AirworthyError) => void> | undefined
  #onWake: Set<() => void> | undefined
  #abort: AbortController | undefined

  constructor(
    fence: Fence,
    options: { subject: KillSubject; use: DispatchUse; leave: () => void },
  ) {
    this.#fence = fence
    this.subject = options.subject
    this.use = options.use
    this.#leave = options.leave
  }

  get isCut(): boolean {
    return this.#reason !== undefined
  }

  /** Why it was cut; a call without a lease only waits. */
  get cutReason(): AirworthyError | undefined {
    return this.#reason
  }

  /** Why nothing of it may leave now. To be asked in the turn in which the bytes do. */
  refusal(): AirworthyError | undefined {
    return this.#reason ?? this.#fence.leaseRefusal()
  }

  /** Aborts when it is cut, with why. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#reason !== undefined) this.#abort.abort(this.#reason)
    return this.#abort.signal
  }

  awaitLease(): Promise<void> {
    return this.#fence.awaitLease()
  }

  /** Calls back when it is cut, at once where it is; gives what takes that back. */
  onCut(listener: (reason: AirworthyError) => void): () => void {
    if (this.#reason !== undefined) listener(this.#reason)
    this.#onCut ??= new Set()
    this.#onCut.add(listener)
    return () => void this.#onCut?.delete(listener)
  }

  /** Calls back when there is a lease again. */
  onWake(listener: () => void): () => void {
    this.#onWake ??= new Set()
    this.#onWake.add(listener)
    return () => void this.#onWake?.delete(listener)
  }

  cut(reason: AirworthyError): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#abort?.abort(reason)
    for (const listener of this.#onCut ?? []) listener(reason)
  }

  wake(): void {
    for (const listener of this.#onWake ?? []) listener()
  }

  [Symbol.dispose](): void {
    this.#leave()
  }
}

function stopped(kill: ActiveKill): AirworthyError {
  const { killId, scope, mode } = kill
  const message = `kill ${killId} stopped ${describeScope(scope)}: a person must resume it`
  return new AirworthyError('kill.active', message, { detail: { kill: killId, mode } })
}

function leaseEnded(): AirworthyError {
  const message = 'the gateway has not heard for a while whether it may go on; try again'
  return new AirworthyError('gateway.lease_ended', message)
}
