// What the confirmation of a proposal `kill.resume` does, in its transaction.
import type { Kysely } from 'kysely'
import { z } from 'zod'
import type { Proposal } from '../../core/approval/proposal.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { resumeKill } from '../../store/kills/kills.ts'
import type { Schema } from '../../store/schema/schema.ts'
import { id } from '../schemas.ts'

const change = z.object({ kill: id })

/** Throws `kill.not_in_force` where it was ended before. */
export async function applyResume(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  { proposal, operatorId }: { readonly proposal: Proposal; readonly operatorId: string },
): Promise<void> {
  await resumeKill(tx, organisationId, {
    killId: change.parse(proposal.change).kill,
    proposedBy: proposal.proposedBy,
    confirmedBy: operatorId,
  })
}
