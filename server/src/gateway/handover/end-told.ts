// What ends when a session goes to a person: streams that its agent is told replies in, and places
// in the queue. Tool calls and whole replies in flight are carried to their end and recorded.
import { AirworthyError } from '../../core/errors.ts'
import type { Gateway } from '../gateway.ts'

export function endTold(
  { admission, sessionStreams, log }: Pick<Gateway, 'admission' | 'sessionStreams' | 'log'>,
  sessionId: string,
): void {
  const message = 'the session went to a person'
  const streams = sessionStreams.cut(sessionId)
  const error = new AirworthyError('session.handed_over', message)
  const queued = admission.refuseSession(sessionId, error)
  if (streams + queued > 0) log('a session was handed over', { sessionId, streams, queued })
}
