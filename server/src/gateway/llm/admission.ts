// How many model calls are worked on at a time: for the gateway and for each agent. What comes
// beyond that waits in a bounded queue of its agent; agents take turns. While there is room, a call
// costs two counters.
import type { ServerResponse } from 'node:http'
import { AirworthyError } from '../../core/errors.ts'
import type { KillSubject } from '../../core/kill/kill.ts'
import { DrainRate } from '../../core/reliability/drain-rate.ts'

export type AdmissionLimits = {
  /** Model calls of all agents at a time. */
  readonly concurrencyMax: number
  /** Model calls of an agent whose manifest says nothing. */
  readonly agentConcurrencyMax: number
  /** Calls that wait, of one agent. */
  readonly agentQueueMax: number
  /** Calls that wait, of all agents. */
  readonly queueMax: number
  /** Who waited so long is refused. */
  readonly waitMsMax: number
}

/** What admission needs of a response; an HTTP response has it. */
export type AdmittedResponse = Pick<
  ServerResponse,
  'once' | 'off' | 'destroyed' | 'writableFinished' | 'socket'
>

const retryAfterSecondsMax = 60

export class Admission implements Disposable {
  readonly limits: AdmissionLimits
  readonly #now: () => number
  /** Of agents that have a call running or waiting. */
  readonly #lanes = new Map<string, Lane>()
  /** With a call that waits for room in the gateway alone, in the order of their turns. */
  readonly #turns = new Set<Lane>()
  readonly #rate = new DrainRate()
  #running = 0
  #waiting = 0

  constructor(limits: AdmissionLimits, now: () => number) {
    this.limits = limits
    this.#now = now
  }

  /** Calls that are worked on. */
  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting
  }

  /** Agents with a call running or waiting. */
  get agents(): number {
    return this.#lanes.size
  }

  /**
   * Takes a place for a call; undefined when it has one at once, else a promise that resolves when
   * its turn comes. Throws, or rejects with, `gateway.overloaded` where the queue is full or the
   * wait too long, and `client.closed`. Whoever was let in must `leave`.
   */
  enter(
    agentId: string,
    options: {
      concurrencyMax: number | undefined
      response: AdmittedResponse
      subject?: KillSubject
    },
  ): Promise<void> | undefined {
    const lane = this.#lanes.get(agentId) ?? this.#addLane(agentId)
    lane.max = options.concurrencyMax ?? this.limits.agentConcurrencyMax
    if (this.#running < this.limits.concurrencyMax && lane.running < lane.max) {
      this.#running += 1
      lane.running += 1
      return undefined
    }
    return this.#wait(lane, options)
  }

  /** The call is over: its place is free as soon as the client has its response. */
  leave(agentId: string, response: AdmittedResponse): void {
    // A response without a socket was sent, or never will be.
    if (response.writableFinished || response.destroyed || response.socket === null) {
      this.#free(agentId)
    } else response.once('close', () => this.#free(agentId))
  }

  /** Refuses who waits of a session. Gives how many there were. */
  refuseSession(sessionId: string, error: AirworthyError): number {
    let refused = 0
    for (const lane of this.#lanes.values()) {
      for (const waiter of lane.waiting) {
        if (waiter.subject?.sessionId !== sessionId) continue
        waiter.refuse(error)
        refused += 1
      }
    }
    return refused
  }

  /** Refuses those who wait for what must not go on; `refusalOf` says why, where it must not. */
  refuseStopped(refusalOf: (subject: KillSubject) => AirworthyError | undefined): void {
    for (const lane of this.#lanes.values()) {
      for (const waiter of lane.waiting) {
        const refusal = waiter.subject && refusalOf(waiter.subject)
        if (refusal !== undefined) waiter.refuse(refusal)
      }
    }
  }

  /** Refuses all who wait. */
  [Symbol.dispose](): void {
    for (const lane of this.#lanes.values()) {
      for (const waiter of lane.waiting) {
        waiter.refuse(new AirworthyError('gateway.stopping', 'the gateway is stopping'))
      }
    }
  }

  #addLane(agentId: string): Lane {
    const lane = { agentId, running: 0, max: 0, waiting: new Set<Waiter>(), rate: new DrainRate() }
    this.#lanes.set(agentId, lane)
    return lane
  }

  #free(agentId: string): void {
    const lane = this.#lanes.get(agentId)
    if (lane === undefined) throw new Error('a call left that had not entered')
    this.#running -= 1
    lane.running -= 1
    if (lane.waiting.size > 0) this.#turns.add(lane)
    this.#tidy(lane)
    if (this.#waiting > 0) this.#letIn()
  }

  #letIn(): void {
    while (this.#running < this.limits.concurrencyMax) {
      const [lane] = this.#turns
      if (lane === undefined) return
      // Its next turn comes after those of all others.
      this.#turns.delete(lane)
      const [waiter] = lane.waiting
      if (waiter === undefined || lane.running >= lane.max) continue
      lane.rate.moved(this.#now())
      this.#rate.moved(this.#now())
      this.#running += 1
      lane.running += 1
      waiter.admit()
      if (lane.waiting.size > 0 && lane.running < lane.max) this.#turns.add(lane)
    }
  }

  #wait(
    lane: Lane,
    { response, subject }: { response: AdmittedResponse; subject?: KillSubject },
  ): Promise<void> {
    const { agentQueueMax, queueMax, waitMsMax } = this.limits
    if (response.destroyed) {
      this.#tidy(lane)
      throw clientGone()
    }
    if (lane.waiting.size >= agentQueueMax || this.#waiting >= queueMax) {
      const error = this.#overloaded(lane, 'the queue of model calls is full')
      this.#tidy(lane)
      throw error
    }
    if (lane.waiting.size === 0) lane.rate.started(this.#now())
    if (this.#waiting === 0) this.#rate.started(this.#now())
    if (lane.running < lane.max) this.#turns.add(lane)
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer)
        response.off('close', onClose)
        lane.waiting.delete(waiter)
        this.#waiting -= 1
      }
      const waiter: Waiter = {
        subject,
        admit: () => {
          end()
          resolve()
        },
        refuse: (error) => {
          end()
          this.#tidy(lane)
          reject(error)
        },
      }
      const onClose = (): void => waiter.refuse(clientGone())
      const timer = setTimeout(() => {
        waiter.refuse(this.#overloaded(lane, 'the call waited too long for its turn'))
      }, waitMsMax)
      response.once('close', onClose)
      lane.waiting.add(waiter)
      this.#waiting += 1
    })
  }

  /** What has nothing running and nothing waiting is not kept. */
  #tidy(lane: Lane): void {
    if (lane.waiting.size > 0) return
    this.#turns.delete(lane)
    if (lane.running === 0) this.#lanes.delete(lane.agentId)
  }

  #overloaded(lane: Lane, message: string): AirworthyError {
    const nowMs = this.#now()
    const isOwn = lane.waiting.size > 0
    const waitMs = isOwn
      ? lane.rate.estimateMs(lane.waiting.size, nowMs)
      : this.#rate.estimateMs(this.#waiting, nowMs)
    const seconds = Math.min(retryAfterSecondsMax, Math.max(1, Math.ceil(waitMs / 1000)))
    return new AirworthyError('gateway.overloaded', message, {
      detail: { retryAfterSeconds: seconds },
    })
  }
}

/** The calls of one agent. */
type Lane = {
  readonly agentId: string
  running: number
  max: number
  readonly waiting: Set<Waiter>
  readonly rate: DrainRate
}

type Waiter = {
  readonly subject: KillSubject | undefined
  readonly admit: () => void
  readonly refuse: (error: AirworthyError) => void
}

function clientGone(): AirworthyError {
  return new AirworthyError('client.closed', 'the client went away before its turn came')
}

/**
 * The headers of a refusal that is over soon: clients should come back, and when. Undefined for
 * every other error.
 */
export function overloadHeaders(error: {
  readonly code: string
  readonly detail?: Readonly<Record<string, unknown>> | undefined
}): Record<string, string> | undefined {
  const seconds = error.detail?.['retryAfterSeconds']
  if (error.code !== 'gateway.overloaded' || typeof seconds !== 'number') return undefined
  return { 'retry-after': String(seconds), 'x-should-retry': 'true' }
}
