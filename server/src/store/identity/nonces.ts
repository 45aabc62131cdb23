// Nonces of signed requests. Requests that wait while a statement is under way share the next one,
// and none waits for the disk: the commit is asynchronous, but the WAL is one sequence, so that the
// commit of the intent which a request leads to makes its nonce durable as well. What a crash of
// PostgreSQL can lose is the nonce of a request of which nothing else was written either.
import { type Kysely, sql } from 'kysely'
import { Pool } from 'pg'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { outliveConnections } from '../lost-connections.ts'
import type { Schema } from '../schema/schema.ts'
import { asUnreachable } from '../unreachable.ts'

/** A nonce with the key that must still be good: both are found out in one statement. */
export type NonceOfKey = {
  readonly agentId: string
  /** RFC 7638 thumbprint of the agent's signing key. */
  readonly thumbprint: string
  /** SHA-256 over the thumbprint and the nonce. */
  readonly nonce: Buffer
  readonly expiresAtMs: number
}

/** `revoked`: the key is not, or no longer, one that the agent may sign with. */
export type NonceAnswer = 'new' | 'replayed' | 'revoked'

type Waiting = {
  readonly asked: NonceOfKey
  readonly resolve: (answer: NonceAnswer) => void
  readonly reject: (error: unknown) => void
}

const batchMax = 256
const waitingMax = 8192
const timeoutMs = 10_000

export class NonceStore implements AsyncDisposable {
  /** Of one connection: its commits do not wait for the disk. */
  readonly #pool: Pool
  readonly #organisationId: OrganisationId
  #waiting: Waiting[] = []
  #isRunning = false

  constructor(options: { databaseUrl: string; organisationId: OrganisationId }) {
    this.#organisationId = options.organisationId
    this.#pool = new Pool({
      connectionString: options.databaseUrl,
      max: 1,
      options: '-c synchronous_commit=off',
      connectionTimeoutMillis: timeoutMs,
      statement_timeout: timeoutMs,
      application_name: 'airworthy nonces',
    })
    // The pool drops a connection that broke; whoever asks next hears of it.
    this.#pool.on('error', () => undefined)
    outliveConnections(this.#pool)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.end()
  }

  /** Remembers a nonce. Throws `gateway.overloaded`, `database.unreachable` or `log.unavailable`. */
  remember(asked: NonceOfKey): Promise<NonceAnswer> {
    if (this.#waiting.length >= waitingMax) {
      throw new AirworthyError('gateway.overloaded', 'too many signed requests wait')
    }
    const { promise, resolve, reject } = Promise.withResolvers<NonceAnswer>()
    this.#waiting.push({ asked, resolve, reject })
    if (!this.#isRunning) void this.#run()
    return promise
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    // One turn of the event loop lets requests that arrive together share the first statement.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0) await this.#answer(this.#waiting.splice(0, batchMax))
    this.#isRunning = false
  }

  async #answer(batch: readonly Waiting[]): Promise<void> {
    const { distinct, repeated } = splitRepeated(batch)
    for (const { resolve } of repeated) resolve('replayed')
    try {
      const answers = await bounded(this.#insert(distinct.map(({ asked }) => asked)))
      for (const [at, { resolve }] of distinct.entries()) resolve(answers[at] ?? 'revoked')
    } catch (cause) {
      const message = 'the nonces of signed requests cannot be remembered'
      const error =
        asUnreachable(cause) ?? new AirworthyError('log.unavailable', message, { cause })
      for (const { reject } of distinct) reject(error)
    }
  }

  async #insert(asked: readonly NonceOfKey[]): Promise<NonceAnswer[]> {
    const list = (text: (each: NonceOfKey) => string | number): string =>
      `{${asked.map(text).join(',')}}`
    const { rows } = await this.#pool.query<{ is_live: boolean; is_new: boolean }>({
      ...insertNonces,
      values: [
        this.#organisationId,
        list(({ nonce }) => nonce.toString('hex')),
        list(({ expiresAtMs }) => expiresAtMs),
        list(({ agentId }) => agentId),
        list(({ thumbprint }) => thumbprint),
      ],
    })
    return rows.map(({ is_live, is_new }) => (is_new ? 'new' : is_live ? 'replayed' : 'revoked'))
  }
}

// Sorted, so that two replicas which insert the same nonces never wait for each other in a circle.
const insertNonces = {
  name: 'airworthy-nonces',
  text: `WITH asked AS MATERIALIZED (
    SELECT r.n, decode(r.nonce, 'hex') AS nonce, r.expires_ms,
      EXISTS (SELECT FROM airworthy.agent_keys k
        WHERE k.organisation_id = $1 AND k.thumbprint = r.thumbprint AND k.agent_id = r.agent_id
          AND k.revoked_at IS NULL
          AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())) AS is_live
    FROM unnest($2::text[], $3::bigint[], $4::uuid[], $5::text[])
      WITH ORDINALITY AS r(nonce, expires_ms, agent_id, thumbprint, n)
  ), kept AS (
    INSERT INTO airworthy.request_nonces (organisation_id, nonce, expires_at)
    SELECT $1, a.nonce, to_timestamp(a.expires_ms / 1000.0)
    FROM asked a WHERE a.is_live ORDER BY a.nonce
    ON CONFLICT DO NOTHING RETURNING nonce)
  SELECT a.is_live, k.nonce IS NOT NULL AS is_new
  FROM asked a LEFT JOIN kept k USING (nonce) ORDER BY a.n`,
}

/** Of requests that bring one nonce at once, the first is let on. */
function splitRepeated(batch: readonly Waiting[]): { distinct: Waiting[]; repeated: Waiting[] } {
  const seen = new Set<string>()
  const distinct: Waiting[] = []
  const repeated: Waiting[] = []
  for (const each of batch) {
    const nonce = each.asked.nonce.toString('base64')
    ;(seen.has(nonce) ? repeated : distinct).push(each)
    seen.add(nonce)
  }
  return { distinct, repeated }
}

async function bounded<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the database does not answer')), timeoutMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** So far may the clocks of replicas and database be apart without a nonce being forgotten early. */
const clockMarginSeconds = 60

/** Forgets nonces whose signatures have expired. */
export async function forgetNonces(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  nonceMaxAtOnce: number,
): Promise<void> {
  await sql`DELETE FROM airworthy.request_nonces n
    WHERE n.ctid = ANY(ARRAY(SELECT o.ctid FROM airworthy.request_nonces o
      WHERE o.organisation_id = ${organisationId}
        AND o.expires_at < clock_timestamp() - make_interval(secs => ${clockMarginSeconds})
      LIMIT ${nonceMaxAtOnce}))`.execute(db)
}
