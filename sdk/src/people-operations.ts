import type { Requester } from './requester.ts'
import type { EscalationReport } from './wire/escalation.ts'
import type { Proposal, ProposalPage } from './wire/proposal.ts'

/** What takes more than one person. */
export function peopleOperations({ get, post }: Pick<Requester, 'get' | 'post'>) {
  return {
    listProposals: (query: { after?: string; limit?: number; state?: 'open' | 'all' } = {}) =>
      get<ProposalPage>('/v1/proposals', query),
    getProposal: (id: string) => get<Proposal>(at(id)),
    /** Only by another operator than the one who proposed. */
    confirmProposal: (id: string) => post<Proposal>(`${at(id)}/confirm`, {}),
    reportEscalation: (query: { days?: number; agent?: string } = {}) =>
      get<EscalationReport>('/v1/escalation/report', query),
    withdrawProposal: (id: string) => post<Proposal>(`${at(id)}/withdraw`, {}),
  }
}

function at(id: string): string {
  return `/v1/proposals/${encodeURIComponent(id)}`
}
