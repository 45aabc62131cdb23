// Connections to model upstreams: one pool an origin, bounded, kept alive.
import { Pool } from 'undici'

const connectionsMax = 256
const connectTimeoutMs = 10_000
const originsMax = 500

export class UpstreamPools implements AsyncDisposable {
  readonly #pools = new Map<string, Pool>()

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
