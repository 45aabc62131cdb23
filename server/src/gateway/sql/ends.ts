// How a call of a database tool ends: a result, a refusal that the agent reads, or a broken
// connection.
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { DatabaseError } from 'pg'
import { AirworthyError, type ErrorCode } from '../../core/errors.ts'
import type { ToolEnd } from '../tools/backend.ts'
import type { ResultRow } from './values.ts'

export type SqlResult = {
  readonly rows: readonly ResultRow[]
  /** Of a read the rows that are here; of a write the rows that it changed. */
  readonly rowCount: number
  readonly truncated: boolean
}

export function resultEnd(result: SqlResult): ToolEnd {
  return { kind: 'result', result: asToolResult({ ...result }) }
}

/** Nothing has happened, and the agent reads why: so that it can ask otherwise. */
export function refusalEnd(
  code: ErrorCode,
  message: string,
  more: Readonly<Record<string, unknown>> = {},
): ToolEnd {
  const content = { failed: true, code, message, ...more }
  return { kind: 'result', result: { ...asToolResult(content), isError: true } }
}

function asToolResult(content: Record<string, unknown>): CallToolResult {
  return {
    content: [{ type: 'text', text: JSON.stringify(content) }],
    structuredContent: content,
  }
}

export function failedEnd(code: ErrorCode, message: string, cause?: unknown): ToolEnd {
  return { kind: 'failed', error: new AirworthyError(code, message, { cause }) }
}

/** SQLSTATEs that say that a limit was met, and not that the statement is wrong. */
const limits: ReadonlyMap<string, string> = new Map([
  ['57014', 'it ran longer than its time limit'],
  ['53400', 'it needed more temporary disk space than its role may use'],
  ['53200', 'it needed more memory than the database has'],
  ['54000', 'it passed a limit of the database'],
])

/** The database ends the session with these: what became of a COMMIT, they do not say. */
const sessionEnds = /^(?:08|57P|25P0[34])/

/** An answer of the database itself: the transaction is, or will be, rolled back. */
export function isAnswer(thrown: unknown): thrown is DatabaseError {
  return thrown instanceof DatabaseError && !sessionEnds.test(thrown.code ?? '')
}

/**
 * What the database answered, as a refusal. `prefixLength` is what stands before the agent's own
 * text. The detail is left out, because it repeats values of rows.
 */
export function databaseRefusal(error: DatabaseError, prefixLength?: number): ToolEnd {
  const sqlstate = error.code ?? ''
  const limit = limits.get(sqlstate)
  const position = Number(error.position) - (prefixLength ?? 0)
  const more = {
    sqlstate,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.constraint === undefined ? {} : { constraint: error.constraint }),
    ...(prefixLength !== undefined && position > 0 ? { position } : {}),
  }
  if (limit === undefined) return refusalEnd('sql.refused', error.message, more)
  return refusalEnd('sql.limit_exceeded', `the statement was stopped: ${limit}`, more)
}

/** Before COMMIT was sent: a connection that breaks there takes the whole transaction with it. */
export function uncommittedEnd(thrown: unknown, prefixLength?: number): ToolEnd {
  if (isAnswer(thrown)) return databaseRefusal(thrown, prefixLength)
  if (thrown instanceof AirworthyError) return { kind: 'failed', error: thrown }
  const message = 'the connection to the database broke before anything was committed'
  return failedEnd('upstream.interrupted', message, thrown)
}
