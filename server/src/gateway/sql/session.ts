// One call's use of one connection: a transaction with its limits, a guard that cuts the connection
// when the call passes them, and rows that are read no further than that.
import type { FieldDef, PoolClient } from 'pg'
import { Query } from 'pg'
import type { LiveCall } from '../kill/fence.ts'
import type { ResultRow } from './values.ts'
import { rowReader } from './values.ts'

export type Limits = {
  readonly rowsMax: number
  readonly bytesMax: number
  /** A time of `performance.now()`. */
  readonly deadline: number
}

/** Back into the pool; what may have kept anything of its call is closed instead. */
export function giveBack(client: PoolClient, isClean: boolean): void {
  client.release(!isClean)
}

export type RunOptions = {
  readonly limits: Limits
  readonly signal: AbortSignal | undefined
  /** Asked before a statement, and before its commit. */
  readonly live?: LiveCall | undefined
  /** Hears of a connection that was cut in the middle of a statement: its backend may go on. */
  readonly onCut: (pid: number) => void
}

/** The database stops a statement first; the guard stops what the database did not. */
const guardMarginMs = 500
/** Messages carry more than the values in them. */
const wireMarginBytes = 64 * 1024
const lockTimeoutMs = 2000

/**
 * Opens the transaction. Everything is SET LOCAL: it ends with the transaction, also behind a pooler
 * that hands the connection on.
 */
export function beginText(options: {
  readonly access: 'read' | 'write'
  readonly deadline: number
  readonly more?: readonly string[]
}): string {
  const timeoutMs = remainingMs(options.deadline)
  const settings = [
    `statement_timeout = ${timeoutMs}`,
    `lock_timeout = ${Math.min(timeoutMs, lockTimeoutMs)}`,
    `idle_in_transaction_session_timeout = ${timeoutMs + guardMarginMs}`,
    'standard_conforming_strings = on',
    "TimeZone = 'UTC'",
    "DateStyle = 'ISO'",
    "IntervalStyle = 'iso_8601'",
    'extra_float_digits = 1',
    "bytea_output = 'hex'",
    'client_min_messages = error',
    ...(options.more ?? []),
  ]
  const mode = options.access === 'read' ? 'READ ONLY' : 'READ WRITE'
  return [
    `BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED ${mode}`,
    ...settings.map((setting) => `SET LOCAL ${setting}`),
  ].join('; ')
}

/** At least 1: PostgreSQL takes 0 for no limit. */
export function remainingMs(deadline: number): number {
  return Math.max(1, Math.ceil(deadline - performance.now()))
}

export type GuardCause = 'time' | 'bytes' | 'abort'

/** Cuts the connection when the call is over its time, its bytes, or is not wanted any more. */
export class Guard implements Disposable {
  cause: GuardCause | undefined
  readonly #client: PoolClient
  readonly #options: RunOptions
  readonly #timer: NodeJS.Timeout
  readonly #count: (chunk: Buffer) => void
  readonly #abort = (): void => this.#cut('abort')
  #bytes = 0

  constructor(client: PoolClient, options: RunOptions) {
    const { limits, signal } = options
    this.#client = client
    this.#options = options
    this.#timer = setTimeout(
      () => this.#cut('time'),
      Math.max(0, limits.deadline - performance.now()) + guardMarginMs,
    )
    this.#count = (chunk) => {
      this.#bytes += chunk.length
      if (this.#bytes > limits.bytesMax + wireMarginBytes) this.#cut('bytes')
    }
    client.connection.stream.on('data', this.#count)
    if (signal?.aborted === true) this.#abort()
    signal?.addEventListener('abort', this.#abort)
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#options.signal?.removeEventListener('abort', this.#abort)
    this.#client.connection.stream.off('data', this.#count)
  }

  #cut(cause: GuardCause): void {
    if (this.cause !== undefined) return
    this.cause = cause
    this.#client.connection.stream.destroy()
    const pid: unknown = Reflect.get(this.#client, 'processID')
    if (typeof pid === 'number') this.#options.onCut(pid)
  }
}

const asText = { getTypeParser: () => (text: string) => text }

/** One statement, and only one: the extended protocol refuses a second. */
export function runOne(
  client: PoolClient,
  text: string,
  values: readonly (string | null)[] = [],
): Promise<unknown> {
  return client.query(extended(text, values))
}

function extended(text: string, values: readonly (string | null)[]) {
  return {
    text,
    values: [...values],
    types: asText,
    rowMode: 'array' as const,
    queryMode: 'extended',
  }
}

export type Fetched = {
  readonly rows: readonly ResultRow[]
  /** What the database says that the statement touched. */
  readonly rowCount: number
  readonly truncated: boolean
  readonly fields: readonly FieldDef[]
}

/**
 * Runs one statement and reads its rows while they fit in rows and bytes. Rejects with what the
 * database or the connection said, unless the guard cut it for its bytes and rows are there already.
 */
export function fetchRows(
  client: PoolClient,
  statement: { readonly text: string; readonly values?: readonly (string | null)[] },
  options: { readonly limits: Limits; readonly guard: Guard },
): Promise<Fetched> {
  const { limits, guard } = options
  const { promise, resolve, reject } = Promise.withResolvers<Fetched>()
  const rows: ResultRow[] = []
  let truncated = false
  let bytes = 0
  let read: ReturnType<typeof rowReader> | undefined
  const query = new Query<(string | null)[]>(extended(statement.text, statement.values ?? []))
  query.on('row', (row: (string | null)[], result) => {
    if (truncated) return
    read ??= rowReader(result?.fields ?? [])
    const value = read(row)
    bytes += Buffer.byteLength(JSON.stringify(value))
    truncated = rows.length >= limits.rowsMax || bytes > limits.bytesMax
    if (!truncated) rows.push(value)
  })
  query.on('error', (error: Error) => {
    if (guard.cause !== 'bytes' || rows.length === 0) reject(error)
    else resolve({ rows, rowCount: rows.length, truncated: true, fields: [] })
  })
  query.on('end', (result) => {
    resolve({ rows, rowCount: result.rowCount ?? 0, truncated, fields: result.fields })
  })
  client.query(query)
  return promise
}
