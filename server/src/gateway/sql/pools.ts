// Connections to the databases that are tool servers: few for each URL, and a bounded wait for one.
import { Pool, type PoolClient } from 'pg'
import { AirworthyError } from '../../core/errors.ts'
import { outliveConnections } from '../../store/lost-connections.ts'

import { textOf } from '../tools/backends.ts'

export type PoolTarget = {
  /** The tool server's name, for messages. */
  readonly server: string
  /** The environment variable with the URL; its value is a secret and stays out of messages. */
  readonly urlEnv: string
  readonly connectionsMax: number
}

export type SqlOptions = {
  readonly secretOf: (name: string) => string | undefined
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}

const waitMs = 5000
const waitingMax = 100
const idleMs = 30_000
const poolsMax = 200

export class SqlPools implements AsyncDisposable {
  readonly #pools = new Map<string, Pool>()
  readonly #secretOf: (name: string) => string | undefined
  readonly #log: SqlOptions['log']

  constructor(options: SqlOptions) {
    this.#secretOf = options.secretOf
    this.#log = options.log
  }

  /** Throws `upstream.unreachable` or `gateway.overloaded`; nothing has been sent then. */
  async connect(target: PoolTarget): Promise<PoolClient> {
    const pool = this.#poolOf(target)
    if (pool.waitingCount >= waitingMax) {
      const message = `${waitingMax} calls wait for a connection to ${target.server} already`
      throw new AirworthyError('gateway.overloaded', message)
    }
    try {
      return await pool.connect()
    } catch (cause) {
      const message = `the database ${target.server} cannot be reached: ${textOf(cause)}`
      throw new AirworthyError('upstream.unreachable', message, { cause })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pools = [...this.#pools.values()]
    this.#pools.clear()
    await Promise.all(pools.map((pool) => pool.end()))
  }

  #poolOf(target: PoolTarget): Pool {
    const url = this.#urlOf(target)
    const key = `${target.server} ${target.urlEnv} ${target.connectionsMax} ${url}`
    const known = this.#pools.get(key)
    if (known !== undefined) return known
    const [oldest] = this.#pools
    if (oldest !== undefined && this.#pools.size >= poolsMax) {
      this.#pools.delete(oldest[0])
      void oldest[1].end()
    }
    const pool = new Pool({
      connectionString: url,
      max: target.connectionsMax,
      connectionTimeoutMillis: waitMs,
      idleTimeoutMillis: idleMs,
      application_name: 'airworthy tools',
    })
    // Without a listener a database that stops would end the process.
    outliveConnections(pool)
    pool.on('error', (error) =>
      this.#log('a connection of a database tool was lost', {
        server: target.server,
        error: error.message,
      }),
    )
    this.#pools.set(key, pool)
    return pool
  }

  #urlOf({ server, urlEnv }: PoolTarget): string {
    const url = this.#secretOf(urlEnv)
    if (url === undefined) {
      const message = `the database ${server} cannot be reached: the environment has no ${urlEnv}`
      throw new AirworthyError('upstream.unreachable', message)
    }
    const protocol = URL.canParse(url) ? new URL(url).protocol : ''
    if (protocol === 'postgres:' || protocol === 'postgresql:') return url
    const message = `the database ${server} cannot be reached: ${urlEnv} is no postgres:// URL`
    throw new AirworthyError('upstream.unreachable', message)
  }
}

/** Ends a statement of this role that outlived its connection. Never throws: it may be over. */
export async function endBackend(client: PoolClient, pid: number): Promise<void> {
  await client.query('SELECT pg_terminate_backend($1)', [pid]).catch(() => undefined)
}
