// What an agent is told of a call of its own that waits for a person.

/** `approved`: decided for, and not at its end yet. */
export type HoldStanding =
  | 'pending'
  | 'deferred'
  | 'approved'
  | 'done'
  | 'failed'
  | 'unknown'
  | 'denied'

/** From the states of the hold and of its call, as they are stored. */
export function standingOf(stored: { hold: string; call: string }): HoldStanding {
  const ending = endingOf(stored.call)
  if (ending !== undefined) return ending
  if (stored.hold === 'pending' || stored.hold === 'deferred') return stored.hold
  // Between the vote, or the run's end, and the outcome.
  return 'approved'
}

function endingOf(call: string): HoldStanding | undefined {
  switch (call) {
    case 'done':
    case 'failed':
    case 'unknown':
    case 'denied':
      return call
    default:
      return undefined
  }
}

/** Nothing more is to be waited for; an unknown outcome is found out without anybody waiting. */
export function isOver(standing: HoldStanding): boolean {
  return endingOf(standing) !== undefined
}
