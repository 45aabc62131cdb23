// The recorder's own connection, and holder of the replica's lock. While the lock is
// held the replica lives; when the connection goes, so does the lock, and others may recover what
// this replica left open.
import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { AirworthyError } from '../../core/errors.ts'
import { type OrganisationId, parseReplicaId } from '../../core/ids.ts'
import type { Scope } from './state.ts'
import { sendStatements, type Statement } from './statements.ts'

const connectTimeoutMs = 10_000
/**
 * The batch's statements find every row by its key. They are planned once, when the tables may
 * still be empty and a scan looks cheap; that plan must not be kept when they have grown.
 */
const plannerOptions = [
  'enable_seqscan=off',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'plan_cache_mode=force_generic_plan',
  'jit=off',
  // A process that is stopped in the middle of a batch must not keep the log's lock for ever.
  'idle_in_transaction_session_timeout=5000',
]
/** Longer than any batch should take; a database that hangs is a log that cannot be written. */
const statementTimeoutMs = 30_000

export async function connectRecorder(options: {
  databaseUrl: string
  organisationId: OrganisationId
  newId: () => string
  onLost: () => void
}): Promise<Scope> {
  const client = new Client({
    connectionString: options.databaseUrl,
    application_name: 'airworthy-recorder',
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    options: plannerOptions.map((option) => `-c ${option}`).join(' '),
    keepAlive: true,
  })
  client.on('error', options.onLost)
  client.on('end', options.onLost)
  try {
    await client.connect()
    return await register(client, options)
  } catch (cause) {
    client.removeListener('end', options.onLost)
    await client.end().catch(() => undefined)
    throw new AirworthyError('log.unavailable', 'the log cannot be written: no database', { cause })
  }
}

async function register(
  client: Client,
  options: { organisationId: OrganisationId; newId: () => string },
): Promise<Scope> {
  const { organisationId } = options
  const replicaId = parseReplicaId(options.newId())
  const lockKey = randomBytes(8).readBigInt64BE().toString()
  await client.query('SELECT pg_advisory_lock($1::bigint)', [lockKey])
  await client.query(
    `INSERT INTO airworthy.replicas
      (organisation_id, replica_id, lock_key, open_floor, is_fenced)
    VALUES ($1, $2, $3, $2, true)`,
    [organisationId, replicaId, lockKey],
  )
  const found = await client.query<{ log_id: string }>(
    `SELECT log_id FROM airworthy.logs WHERE organisation_id = $1 AND is_open
    ORDER BY log_id DESC LIMIT 1`,
    [organisationId],
  )
  const row = found.rows[0]
  if (row === undefined) throw new Error('the organisation has no open log')
  return { client, organisationId, replicaId, logId: BigInt(row.log_id) }
}

export type Head = {
  readonly size: bigint
  readonly nowMs: number
  /** The same, as RFC 3339. */
  readonly at: string
}

const begin: Statement = { name: 'airworthy-begin', text: 'BEGIN' }
const lock: Statement = {
  name: 'airworthy-lock',
  text: `SELECT size, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
    FROM airworthy.logs WHERE organisation_id = $1 AND log_id = $2 AND is_open FOR UPDATE`,
}

/** Opens the batch's transaction and takes the lock that orders all writers of the log. */
export async function lockHead(scope: Scope): Promise<Head> {
  const place = [scope.organisationId, scope.logId.toString()]
  const sent = sendStatements(scope.client, [
    { statement: begin, values: [] },
    { statement: lock, values: place },
  ])
  const [row] = await sent.done
  const [size, at] = row ?? []
  if (size == null || at == null) {
    throw new AirworthyError('log.unavailable', logClosed)
  }
  return { size: BigInt(size), nowMs: Date.parse(at), at }
}

const logClosed = 'the log is closed'
/** A rotation takes the integrator a second or two. */
const rotationWaitMs = 10_000
const rotationAskMs = 100

export function isLogClosed(thrown: unknown): boolean {
  return thrown instanceof AirworthyError && thrown.message === logClosed
}

/** Waits for the shard after the one that was closed. Undefined where none is opened in time. */
export async function findNextLog(scope: Scope): Promise<Scope | undefined> {
  const { client, organisationId, logId } = scope
  await client.query('ROLLBACK')
  const deadline = performance.now() + rotationWaitMs
  while (performance.now() < deadline) {
    const found = await client.query<{ log_id: string }>(
      `SELECT log_id FROM airworthy.logs WHERE organisation_id = $1 AND is_open AND log_id > $2
      ORDER BY log_id DESC LIMIT 1`,
      [organisationId, logId.toString()],
    )
    const row = found.rows[0]
    if (row !== undefined) return { ...scope, logId: BigInt(row.log_id) }
    await new Promise((resolve) => setTimeout(resolve, rotationAskMs))
  }
  return undefined
}
