// Which replica integrates the log: the one whose connection holds the advisory lock. The lock only
// spares work; that no fork is signed rests on compare and swap, since a lock can be lost unheard.
import { hash } from 'node:crypto'
import { Client } from 'pg'
import type { OrganisationId } from '../../core/ids.ts'

const connectTimeoutMs = 10_000
const statementTimeoutMs = 10_000

export class LogLock implements AsyncDisposable {
  readonly #databaseUrl: string
  readonly #key: string
  #client: Client | undefined
  #isHeld = false

  constructor(options: { readonly databaseUrl: string; readonly organisationId: OrganisationId }) {
    this.#databaseUrl = options.databaseUrl
    const digest = hash('sha256', `airworthy/log/${options.organisationId}`, 'buffer')
    this.#key = digest.readBigInt64BE().toString()
  }

  /** Takes the lock, or finds that it is held already; false where another process has it. */
  async hold(): Promise<boolean> {
    const client = (this.#client ??= await this.#connect())
    if (this.#isHeld) {
      // Whether the connection still stands is known only by using it.
      await client.query('SELECT 1')
      return this.#client === client
    }
    const found = await client.query<{ held: boolean }>(
      'SELECT pg_try_advisory_lock($1::bigint) AS held',
      [this.#key],
    )
    this.#isHeld = found.rows[0]?.held === true
    return this.#isHeld
  }

  /** Gives the lock back with its connection. */
  async release(): Promise<void> {
    const client = this.#client
    this.#drop()
    await client?.end().catch(() => undefined)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release()
  }

  #drop(): void {
    this.#client = undefined
    this.#isHeld = false
  }

  async #connect(): Promise<Client> {
    const client = new Client({
      connectionString: this.#databaseUrl,
      application_name: 'airworthy-log',
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: statementTimeoutMs,
      keepAlive: true,
    })
    const onLost = (): void => {
      if (this.#client === client) this.#drop()
    }
    client.on('error', onLost)
    client.on('end', onLost)
    await client.connect()
    return client
  }
}
