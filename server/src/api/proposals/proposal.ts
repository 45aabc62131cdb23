// Proposals as the wire shows them.
import type { Proposal as WireProposal } from '@airworthy/sdk'
import { z } from 'zod'
import { type Proposal, proposalKinds } from '../../core/approval/proposal.ts'
import { id, time } from '../schemas.ts'

export const proposalSchema = z
  .object({
    id,
    kind: z.enum(proposalKinds),
    state: z.enum(['open', 'confirmed', 'withdrawn', 'expired']),
    change: z.unknown().meta({ description: 'What is changed once it is confirmed, by kind.' }),
    reason: z.string(),
    proposedBy: id,
    proposedAt: time,
    until: time,
    decidedBy: id.nullable(),
    decidedAt: time.nullable(),
  })
  .meta({ id: 'Proposal' }) satisfies z.ZodType<WireProposal>

export function presentProposal(proposal: Proposal): WireProposal {
  return {
    id: proposal.proposalId,
    kind: proposal.kind,
    state: proposal.standing,
    change: proposal.change,
    reason: proposal.reason,
    proposedBy: proposal.proposedBy,
    proposedAt: proposal.proposedAt.toISOString(),
    until: proposal.expiresAt.toISOString(),
    decidedBy: proposal.decidedBy ?? null,
    decidedAt: proposal.decidedAt?.toISOString() ?? null,
  }
}
