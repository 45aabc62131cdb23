import type { Requester } from './requester.ts'
import type {
  CalledInStead,
  CallInStead,
  Handover,
  HandoverDetail,
  HandoverPage,
  HandoverState,
  HandOverSession,
  SayInStead,
  TakeHandover,
  Transcript,
} from './wire/handover.ts'
import type { Session } from './wire/session.ts'

type Page = { readonly after?: string; readonly limit?: number }

/** Sessions that are with a person instead of their agent. */
export function handoverOperations(
  { get, post }: Pick<Requester, 'get' | 'post'>,
  slow: { readonly timeoutMs: number },
) {
  return {
    handOverSession: (sessionId: string, body: HandOverSession) =>
      post<Handover>(`/v1/sessions/${encodeURIComponent(sessionId)}/hand-over`, body),
    listHandovers: (query: Page & { state?: HandoverState | 'live' | 'all' } = {}) =>
      get<HandoverPage>('/v1/handovers', query),
    getHandover: (id: string) => get<HandoverDetail>(at(id)),
    /** That it was read, by whom and why is in the log before the answer. */
    readTranscript: (id: string, query: Page = {}) =>
      get<Transcript>(`${at(id)}/transcript`, query, slow),
    takeHandover: (id: string, body: TakeHandover = {}) => post<Handover>(`${at(id)}/take`, body),
    sayInStead: (id: string, body: SayInStead) => post<Handover>(`${at(id)}/say`, body),
    callInStead: (id: string, body: CallInStead) =>
      post<CalledInStead>(`${at(id)}/calls`, body, slow),
    giveBack: (id: string) => post<Handover>(`${at(id)}/give-back`, {}),
    /** Ends the session with it. */
    closeHandover: (id: string) => post<Session>(`${at(id)}/close`, {}),
  }
}

function at(id: string): string {
  return `/v1/handovers/${encodeURIComponent(id)}`
}
