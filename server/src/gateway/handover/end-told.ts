// What ends when a session goes to a person: streams that its agent is told replies in, and places
// in the queue. Tool calls and whole replies in flight are carried to their end and recorded.
import { AirworthyError } from '../../core/errors.ts'
import { handoverPath } from '../../core/handover/handover.ts'
import type { HandedOver } from '../../store/handover/handovers.ts'
import type { Gateway } from '../gateway.ts'

export function endTold(
  { admission, sessionStreams, log }: Pick<Gateway, 'admission' | 'sessionStreams' | 'log'>,
  { sessionId, handoverId }: HandedOver,
): void {
  const error = new AirworthyError('session.handed_over', 'the session went to a person', {
    detail: { handover: { id: handoverId, poll: handoverPath } },
  })
  const streams = sessionStreams.cut(sessionId, error)
  const queued = admission.refuseSession(sessionId, error)
  if (streams + queued > 0) log('a session was handed over', { sessionId, streams, queued })
}
