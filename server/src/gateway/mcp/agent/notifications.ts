// What agents are told without asking: that a resource they follow has changed, that a list has.
// It is kept in this process only; a client that reconnects elsewhere subscribes again.
import type { LoggingLevel } from '@modelcontextprotocol/server'
import { AirworthyError } from '../../../core/errors.ts'
import type { FeatureChange, FeatureTarget, ServerFeatures } from '../../tools/backend.ts'

export type Followable = { readonly features: ServerFeatures; readonly target: FeatureTarget }

/** One client of one session, on one server. */
type Subscriber = {
  readonly from: Followable
  readonly uris: Set<string>
  level: LoggingLevel | undefined
  hasStream: boolean
  usedAtMs: number
}

const subscribersMax = 2000
const urisMax = 100
const streamsMax = 1000
const forgottenAfterMs = 600_000

export class Notifications implements AsyncDisposable {
  readonly #subscribers = new Map<string, Subscriber>()
  readonly #closers = new Set<() => void>()

  get hasRoom(): boolean {
    return this.#closers.size < streamsMax
  }

  /** Follows a resource for this client. Throws `gateway.overloaded`, `upstream.*`. */
  async follow(clientKey: string, from: Followable, uri: string): Promise<void> {
    const subscriber = this.#subscriber(clientKey, from)
    if (subscriber.uris.has(uri)) return
    if (subscriber.uris.size >= urisMax) {
      const message = `${urisMax} resources are followed already`
      throw new AirworthyError('gateway.overloaded', message)
    }
    subscriber.uris.add(uri)
    try {
      await from.features.follow(from.target, uri)
    } catch (thrown) {
      subscriber.uris.delete(uri)
      throw thrown
    }
  }

  async unfollow(clientKey: string, uri: string): Promise<void> {
    const subscriber = this.#subscribers.get(clientKey)
    if (subscriber?.uris.delete(uri) !== true) return
    await subscriber.from.features.unfollow(subscriber.from.target, uri)
  }

  setLevel(clientKey: string, from: Followable, level: LoggingLevel): void {
    this.#subscriber(clientKey, from).level = level
  }

  levelOf(clientKey: string): LoggingLevel | undefined {
    return this.#subscribers.get(clientKey)?.level
  }

  /** Tells of every list change, and of the resources that the client follows, until it is closed. */
  listen(
    clientKey: string,
    from: Followable,
    listener: (change: FeatureChange) => void,
  ): () => void {
    const subscriber = this.#subscriber(clientKey, from)
    subscriber.hasStream = true
    const unwatch = from.features.watch(from.target, (change) => {
      if (change.kind !== 'resource' || subscriber.uris.has(change.uri)) listener(change)
    })
    return () => {
      unwatch()
      void this.#forget(clientKey, subscriber)
    }
  }

  /** A stream that must end when the server stops; gives what to call when it ended by itself. */
  track(close: () => void): () => void {
    this.#closers.add(close)
    return () => void this.#closers.delete(close)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closers) close()
    await Promise.resolve()
  }

  #subscriber(clientKey: string, from: Followable): Subscriber {
    const known = this.#subscribers.get(clientKey)
    const nowMs = performance.now()
    if (known !== undefined) {
      known.usedAtMs = nowMs
      return known
    }
    this.#forgetOld(nowMs)
    const subscriber = {
      from,
      uris: new Set<string>(),
      level: undefined,
      hasStream: false,
      usedAtMs: nowMs,
    }
    this.#subscribers.set(clientKey, subscriber)
    return subscriber
  }

  /** Clients that went away without a word: oldest first, and those that no stream belongs to. */
  #forgetOld(nowMs: number): void {
    for (const [key, subscriber] of this.#subscribers) {
      const isOld = nowMs - subscriber.usedAtMs > forgottenAfterMs
      if (subscriber.hasStream || (!isOld && this.#subscribers.size < subscribersMax)) continue
      void this.#forget(key, subscriber)
    }
    if (this.#subscribers.size >= subscribersMax) {
      const message = `${subscribersMax} clients are served already`
      throw new AirworthyError('gateway.overloaded', message)
    }
  }

  async #forget(clientKey: string, subscriber: Subscriber): Promise<void> {
    if (this.#subscribers.get(clientKey) === subscriber) this.#subscribers.delete(clientKey)
    const { features, target } = subscriber.from
    for (const uri of subscriber.uris) {
      // A server that is away has forgotten it as well.
      await features.unfollow(target, uri).catch(() => undefined)
    }
  }
}
