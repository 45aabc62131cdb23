import type { Requester } from './requester.ts'
import type { IssueKill, KillDetail, KillPage, ResumeKill } from './wire/kill.ts'
import type { Proposal } from './wire/proposal.ts'

function at(id: string): string {
  return `/v1/kills/${encodeURIComponent(id)}`
}

/** What stops agents, and lets them go on. */
export function killOperations({ get, post }: Pick<Requester, 'get' | 'post'>) {
  return {
    /** In force at once; resolves when every gateway has confirmed, or after `waitMs`. */
    kill: (body: IssueKill) => post<KillDetail>('/v1/kills', body),
    listKills: (query: { before?: string; limit?: number; state?: 'in_force' | 'all' } = {}) =>
      get<KillPage>('/v1/kills', query),
    getKill: (id: string) => get<KillDetail>(at(id)),
    /** Proposes to end it: another operator confirms. */
    resumeKill: (id: string, body: ResumeKill) => post<Proposal>(`${at(id)}/resume`, body),
  }
}
