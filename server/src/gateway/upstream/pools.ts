// Connections to model upstreams: one pool an origin, bounded, kept alive.
import { Pool } from 'undici'

const connectionsMax = 256
const connectTimeoutMs = 10_000
const originsMax = 500
const targetsMax = 5000

/** Where requests to a base URL go. */
export type UpstreamTarget = {
  readonly origin: string
  /** The base URL's path, without a slash at its end. */
  readonly path: string
  /** The base URL's query, with its `?`; empty without one. */
  readonly search: string
}

export class UpstreamPools implements AsyncDisposable {
  readonly #pools = new Map<string, Pool>()
  /** By base URL: parsing one takes longer than all else that finding its pool does. */
  readonly #targets = new Map<string, UpstreamTarget>()

  target(baseUrl: string): UpstreamTarget {
    const known = this.#targets.get(baseUrl)
    if (known !== undefined) return known
    if (this.#targets.size >= targetsMax) this.#targets.clear()
    const { origin, pathname, search } = new URL(baseUrl)
    const target = { origin, path: pathname.replace(/\/$/, ''), search }
    this.#targets.set(baseUrl, target)
    return target
  }

  pool(origin: string): Pool {
    const known = this.#pools.get(origin)
    if (known !== undefined) return known
    if (this.#pools.size >= originsMax) this.#closeOldest()
    const pool = new Pool(origin, {
      connections: connectionsMax,
      pipelining: 1,
      connect: { timeout: connectTimeoutMs },
    })
    this.#pools.set(origin, pool)
    return pool
  }

  #closeOldest(): void {
    const [oldest] = this.#pools
    if (oldest === undefined) return
    this.#pools.delete(oldest[0])
    void oldest[1].close().catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pools = [...this.#pools.values()]
    this.#pools.clear()
    await Promise.all(pools.map((pool) => pool.destroy()))
  }
}
