import type { Requester } from './requester.ts'
import type {
  AddOperatorKey,
  HoldVotes,
  OperatorKey,
  OperatorKeys,
  Schedule,
  SchedulePage,
  SetSchedule,
  SetTeams,
} from './wire/approval.ts'
import type { EditedHold, EditHold, HoldBallot } from './wire/hold.ts'
import type { Operator } from './wire/operator.ts'

const hold = (id: string) => `/v1/holds/${encodeURIComponent(id)}`
const operator = (id: string) => `/v1/operators/${encodeURIComponent(id)}`
const schedule = (name: string) => `/v1/oncall/${encodeURIComponent(name)}`

/** Who decides about calls that wait, and how. */
export function approvalOperations(
  { get, post }: Pick<Requester, 'get' | 'post'>,
  slow: { timeoutMs: number },
) {
  return {
    /** What a vote about the hold has to say, and the facts that it binds. */
    getBallot: (id: string) => get<HoldBallot>(`${hold(id)}/ballot`),
    listVotes: (id: string) => get<HoldVotes>(`${hold(id)}/votes`),
    /** Rejects the call and proposes it with other arguments; somebody else has to approve it. */
    editHold: (id: string, body: EditHold) => post<EditedHold>(`${hold(id)}/edit`, body, slow),
    /** `me` is who asks, here and below. */
    listOperatorKeys: (id: string) => get<OperatorKeys>(`${operator(id)}/keys`),
    addOperatorKey: (id: string, body: AddOperatorKey) =>
      post<OperatorKey>(`${operator(id)}/keys`, body),
    revokeOperatorKey: (id: string, thumbprint: string) =>
      post<OperatorKey>(`${operator(id)}/keys/${encodeURIComponent(thumbprint)}/revoke`, {}),
    setTeams: (id: string, body: SetTeams) => post<Operator>(`${operator(id)}/teams`, body),
    listSchedules: () => get<SchedulePage>('/v1/oncall'),
    getSchedule: (name: string) => get<Schedule>(schedule(name)),
    setSchedule: (name: string, body: SetSchedule) => post<Schedule>(schedule(name), body),
  }
}
