import { Pool } from 'pg'
import type { PoolClient } from 'pg'
import { createSchema } from './schema.ts'

export type Shop = AsyncDisposable & { pool: Pool }

const POOL_MAX_DEFAULT = 10
const CONNECTION_TIMEOUT_MS = 10_000
const STATEMENT_TIMEOUT_MS = 30_000

// Opens the database and creates what is missing. Throws a plain sentence when it cannot.
export async function openShop(options: { databaseUrl: string; poolMax?: number }): Promise<Shop> {
  const pool = new Pool({
    connectionString: options.databaseUrl,
    max: options.poolMax ?? POOL_MAX_DEFAULT,
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    application_name: 'retail-shop',
  })
  // A broken idle connection is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => undefined)
  try {
    await createSchema(pool)
  } catch (cause) {
    await pool.end()
    throw new Error(`the shop cannot use its database at ${hostOf(options.databaseUrl)}`, { cause })
  }
  return { pool, [Symbol.asyncDispose]: () => pool.end() }
}

// Never the whole URL: it may hold a password.
function hostOf(databaseUrl: string): string {
  const url = URL.parse(databaseUrl)
  return url === null ? 'an unreadable URL' : url.host
}

export async function inTransaction<T>(
  shop: Shop,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await shop.pool.connect()
  let isBroken = false
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch(() => {
      isBroken = true
    })
    throw error
  } finally {
    client.release(isBroken)
  }
}
