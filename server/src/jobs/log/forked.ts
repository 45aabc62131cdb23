// A log that is not the one that was signed before must sign nothing more.
import { AirworthyError } from '../../core/errors.ts'

/** The fatal error. `message` says what was found; the page of the code says what to do. */
export function forked(message: string, detail: Readonly<Record<string, unknown>>): AirworthyError {
  return new AirworthyError(
    'log.forked',
    `${message}. Nothing is signed, and the server stops: a second history would never be believed. ` +
      'Was the database restored from a backup, or do two servers write one log? ' +
      'docs/errors/log.forked.md says what to do.',
    { detail },
  )
}
