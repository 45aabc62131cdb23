// What a confirmed proposal changes, by kind. It is done in the transaction of the confirmation.
import type { Kysely } from 'kysely'
import type { Proposal, ProposalKind } from '../../core/approval/proposal.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Schema } from '../../store/schema/schema.ts'
import { applyRelease } from '../../store/money/money-authorisations.ts'
import { applyLoosening } from '../../store/money/money-limits.ts'
import { applyQuote } from '../../store/money/money-quotes.ts'
import { applyResume } from '../kills/apply-resume.ts'

export type Applier = (
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  command: { readonly proposal: Proposal; readonly operatorId: string },
) => Promise<void>

export const appliers: ReadonlyMap<ProposalKind, Applier> = new Map<ProposalKind, Applier>([
  ['kill.resume', applyResume],
  ['limit.loosen', applyLoosening],
  ['quote.loosen', applyQuote],
  ['authorisation.release', applyRelease],
])
