// How a PostgreSQL that is away looks to those who ask it.
import { AirworthyError } from '../core/errors.ts'

/** Connections that PostgreSQL, or the way to it, did not give or took away. */
const codes = /^(?:ECONNREFUSED|ECONNRESET|EPIPE|ENOENT|ETIMEDOUT|57P0[1-3]|08\d{3}|53300)$/
const messages = /timeout exceeded when trying to connect|Connection terminated/

/** `database.unreachable` for a query that found no database; undefined for anything else. */
export function asUnreachable(thrown: unknown): AirworthyError | undefined {
  if (thrown instanceof AirworthyError || !(thrown instanceof Error)) return undefined
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : ''
  if (!codes.test(code) && !messages.test(thrown.message)) return undefined
  const message = 'PostgreSQL cannot be reached'
  return new AirworthyError('database.unreachable', message, { cause: thrown })
}
