// A declared statement in a transaction of its own.
import type { PoolClient } from 'pg'
import { numberPlaceholders } from '../../core/pact/sql-placeholders.ts'
import type { SqlStatement } from '../../core/pact/sql-server-schema.ts'
import type { ToolEnd } from '../tools/backend.ts'
import {
  failedEnd,
  refusalEnd,
  resultEnd,
  isAnswer,
  databaseRefusal,
  uncommittedEnd,
} from './ends.ts'
import { AirworthyError } from '../../core/errors.ts'
import {
  beginText,
  type Fetched,
  fetchRows,
  giveBack,
  Guard,
  type Limits,
  type RunOptions,
  runOne,
} from './session.ts'
import { sqlTypes, writeValue } from './values.ts'

export const cursor = 'airworthy'

export type BoundStatement = {
  readonly text: string
  readonly values: readonly (string | null)[]
  readonly access: 'read' | 'write'
}

/** The statement with its arguments bound as parameters; without arguments all are NULL. */
export function bindStatement(
  statement: SqlStatement,
  given: { readonly args: Readonly<Record<string, unknown>>; readonly effectKey?: string },
): BoundStatement {
  const { parameters, access } = statement
  const { text, names } = numberPlaceholders(statement.sql, (name) => {
    const parameter = parameters[name]
    return parameter === undefined ? 'text' : sqlTypes[parameter.type]
  })
  const values = names.map((name) => {
    const parameter = parameters[name]
    return parameter === undefined
      ? (given.effectKey ?? null)
      : writeValue(given.args[name], parameter)
  })
  return { text, values, access }
}

/** Runs it and gives the connection back; a connection that broke is thrown away. Never throws. */
export async function runStatement(
  client: PoolClient,
  bound: BoundStatement,
  options: RunOptions,
): Promise<ToolEnd> {
  const { limits } = options
  using guard = new Guard(client, options)
  let isClean = false
  try {
    const { access } = bound
    await client.query(beginText({ access, deadline: limits.deadline }))
    const run = { limits, guard, live: options.live }
    requireLive(options)
    const end = access === 'read' ? await read(client, bound, run) : await write(client, bound, run)
    isClean = end.kind === 'result' && (await isIdle(client))
    return end
  } catch (thrown) {
    return cutEnd(guard, limits) ?? uncommittedEnd(thrown)
  } finally {
    giveBack(client, isClean)
  }
}

/** Ends what is left of the transaction; false when the connection cannot serve another call. */
async function isIdle(client: PoolClient): Promise<boolean> {
  if (client.getTransactionStatus() === 'I') return true
  return client.query('ROLLBACK').then(
    () => client.getTransactionStatus() === 'I',
    () => false,
  )
}

type Run = Pick<RunOptions, 'limits' | 'live'> & { readonly guard: Guard }

/** Throws what may not leave now, to be asked where nothing is committed yet. */
export function requireLive({ live }: Pick<RunOptions, 'live'>): void {
  const refusal = live?.refusal()
  if (refusal !== undefined) throw refusal
}

async function read(client: PoolClient, bound: BoundStatement, run: Run): Promise<ToolEnd> {
  // Only a query can be declared: PostgreSQL's own grammar refuses everything else here.
  try {
    await runOne(client, `DECLARE ${cursor} NO SCROLL CURSOR FOR ${bound.text}`, bound.values)
    const text = `FETCH FORWARD ${run.limits.rowsMax + 1} FROM ${cursor}`
    return readEnd(await fetchRows(client, { text }, run), run.limits)
  } catch (thrown) {
    if (isAnswer(thrown)) return databaseRefusal(thrown)
    throw thrown
  }
}

export function readEnd({ rows, truncated }: Fetched, { bytesMax }: Limits): ToolEnd {
  if (truncated && rows.length === 0) return tooWide(bytesMax)
  return resultEnd({ rows, rowCount: rows.length, truncated })
}

function tooWide(bytesMax: number): ToolEnd {
  return refusalEnd('sql.limit_exceeded', `one row alone passes ${bytesMax} bytes`)
}

async function write(client: PoolClient, bound: BoundStatement, run: Run): Promise<ToolEnd> {
  const { rowsMax, bytesMax, deadline } = run.limits
  let fetched: Fetched
  try {
    fetched = await fetchRows(client, bound, run)
  } catch (thrown) {
    if (isAnswer(thrown)) return databaseRefusal(thrown)
    throw thrown
  }
  if (fetched.rowCount > rowsMax) {
    const message = `the statement would change ${fetched.rowCount} rows, and may change ${rowsMax}`
    return refusalEnd('sql.limit_exceeded', message)
  }
  if (fetched.truncated) {
    const message = `what the statement returns passes ${bytesMax} bytes: nothing was changed`
    return refusalEnd('sql.limit_exceeded', message)
  }
  if (performance.now() > deadline) {
    return refusalEnd('sql.limit_exceeded', 'the time was over before the change was committed')
  }
  // What is not committed has not happened.
  requireLive(run)
  return commit(client, fetched)
}

/** From here on a connection that breaks leaves it open whether the change was made. */
async function commit(client: PoolClient, fetched: Fetched): Promise<ToolEnd> {
  try {
    const { command } = await client.query('COMMIT')
    if (command !== 'COMMIT') {
      return refusalEnd('sql.refused', 'the database rolled the change back')
    }
    const { rows, rowCount } = fetched
    return resultEnd({ rows, rowCount, truncated: false })
  } catch (thrown) {
    if (isAnswer(thrown)) return databaseRefusal(thrown)
    const message = 'the connection to the database broke while the change was committed'
    return {
      kind: 'unknown',
      error: new AirworthyError('upstream.interrupted', message, { cause: thrown }),
    }
  }
}

/** Why the guard cut the connection, as an end; undefined when it did not. */
export function cutEnd(guard: Guard, limits: Limits): ToolEnd | undefined {
  switch (guard.cause) {
    case 'time':
      return refusalEnd('sql.limit_exceeded', 'the statement ran longer than its time limit')
    case 'bytes':
      return tooWide(limits.bytesMax)
    case 'abort':
      return failedEnd('client.closed', 'the call was cancelled before anything was committed')
    case undefined:
    default:
      return undefined
  }
}
