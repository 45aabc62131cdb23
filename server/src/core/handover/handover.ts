// A session that is with a person instead of its agent.
import type { ErrorCode } from '../errors.ts'

/** open -> taken -> returned; open and taken -> returned or closed. `closed` ends the session too. */
export type HandoverState = 'open' | 'taken' | 'returned' | 'closed'

export const handoverStates: readonly HandoverState[] = ['open', 'taken', 'returned', 'closed']

/** `user`: the app shows it to whom the agent serves, at once. `agent`: it reads it once it is back. */
export type Audience = 'user' | 'agent'

/** What a session is handed over for, where no rule says so. */
export const operatorCause = 'operator'

export const messageCharactersMax = 10_000
export const messagesPerHandoverMax = 200

/** Where an agent asks how its handover stands: below the address of its session. */
export const handoverPath = '/handover'

type Standing = { readonly state: HandoverState; readonly takenBy: string | undefined }

/** Whether agent and session are kept apart. */
export function isLive(state: HandoverState): boolean {
  return state === 'open' || state === 'taken'
}

/** Why this operator may not act in the agent's stead; undefined where they may. */
export function refusesActing(standing: Standing, operatorId: string): ErrorCode | undefined {
  if (!isLive(standing.state)) return 'handover.settled'
  return standing.state === 'taken' && standing.takenBy === operatorId
    ? undefined
    : 'handover.not_taken'
}

/** Why this operator may not take it; undefined where they may, or have it already. */
export function refusesTaking(
  standing: Standing,
  taking: { readonly operatorId: string; readonly fromAnother: boolean },
): ErrorCode | undefined {
  if (!isLive(standing.state)) return 'handover.settled'
  const { takenBy } = standing
  const isFree = takenBy === undefined || takenBy === taking.operatorId || taking.fromAnother
  return isFree ? undefined : 'handover.taken'
}
