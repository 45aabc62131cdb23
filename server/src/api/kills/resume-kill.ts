// POST /v1/kills/{id}/resume
import type { Proposal, ResumeKill } from '@airworthy/sdk'
import { z } from 'zod'
import { proposalSecondsDefault, proposalSecondsMax } from '../../core/approval/proposal.ts'
import { requireInForce } from '../../store/kills/kills.ts'
import { runCommand } from '../../store/transaction.ts'
import { propose } from '../../store/two-person.ts'
import { defineOperation } from '../operation.ts'
import { presentProposal, proposalSchema } from '../proposals/proposal.ts'
import { idParams, text } from '../schemas.ts'

const body: z.ZodType<ResumeKill> = z
  .strictObject({
    reason: text({ min: 1, max: 500 }),
    withinSeconds: z.int().min(60).max(proposalSecondsMax).exactOptional(),
  })
  .meta({ id: 'ResumeKill' })

const reply: z.ZodType<Proposal> = proposalSchema

export const resumeKill = defineOperation({
  id: 'resume-kill',
  method: 'POST',
  path: '/v1/kills/{id}/resume',
  summary: 'Propose to end a kill: it ends when another operator confirms',
  roles: ['operator'],
  params: idParams,
  body,
  reply,
  errors: ['kill.unknown', 'kill.not_in_force', 'proposal.too_many'],
  run: ({ db, organisationId, operator }, { params, body: request }) =>
    runCommand(db, organisationId, async (tx) => {
      const kill = await requireInForce(tx, organisationId, params.id)
      const proposal = await propose(tx, organisationId, {
        kind: 'kill.resume',
        change: { kill: kill.killId },
        operatorId: operator.operatorId,
        reason: request.reason,
        withinSeconds: request.withinSeconds ?? proposalSecondsDefault,
      })
      return presentProposal(proposal)
    }),
})
