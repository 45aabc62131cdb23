// GET /v1/proposals
import type { ProposalPage } from '@airworthy/sdk'
import { z } from 'zod'
import { listProposals as readProposals } from '../../store/two-person.ts'
import { defineOperation } from '../operation.ts'
import { id, nextOf, page } from '../schemas.ts'
import { presentProposal, proposalSchema } from './proposal.ts'

const reply: z.ZodType<ProposalPage> = z
  .object({ proposals: z.array(proposalSchema), next: id.nullable() })
  .meta({ id: 'ProposalPage' })

export const listProposals = defineOperation({
  id: 'list-proposals',
  method: 'GET',
  path: '/v1/proposals',
  summary: 'List what waits for a second person; with `state=all` also what was decided',
  roles: ['operator', 'auditor'],
  query: z.strictObject({ ...page, state: z.enum(['open', 'all']).default('open') }),
  reply,
  errors: [],
  run: async ({ db, organisationId }, { query }) => {
    const { after, limit } = query
    const isOpen = query.state === 'open'
    const proposals = await readProposals(db, organisationId, { isOpen, after, limit })
    const ids = proposals.map((proposal) => proposal.proposalId)
    return { proposals: proposals.map(presentProposal), next: nextOf(ids, limit) }
  },
})
