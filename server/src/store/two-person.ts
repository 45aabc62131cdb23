// The two-person rule: what one operator proposes, another confirms, within a time. The confirmation
// and what it changes are one transaction, so nothing is confirmed and not done.
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import {
  type Proposal,
  type ProposalKind,
  proposalSecondsDefault,
  refusesConfirmation,
} from '../core/approval/proposal.ts'
import { commitReason, reasonSaltBytes } from '../core/audit/reason.ts'
import { AirworthyError } from '../core/errors.ts'
import type { OrganisationId } from '../core/ids.ts'
import { appendEntries } from './log/log.ts'
import { findOperators } from './identity/operators.ts'
import { announce } from './channels/outbox.ts'
import type { Schema } from './schema/schema.ts'

/** Open proposals are looked at by people: more of them than this are not looked at. */
export const openProposalsMax = 1_000

function selectProposals(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.proposals')
    .selectAll()
    .select(sql<boolean>`expires_at <= clock_timestamp()`.as('is_over'))
    .where('organisation_id', '=', organisationId)
}

type SelectedProposal = Awaited<ReturnType<ReturnType<typeof selectProposals>['execute']>>[number]

function proposalOf(row: SelectedProposal): Proposal {
  return {
    proposalId: row.proposal_id,
    kind: row.kind,
    change: row.change,
    reason: row.reason,
    standing: row.state === 'open' && row.is_over ? 'expired' : row.state,
    proposedBy: row.proposed_by,
    proposedAt: row.proposed_at,
    expiresAt: row.expires_at,
    decidedBy: row.decided_by ?? undefined,
    decidedAt: row.decided_at ?? undefined,
  }
}

export async function findProposal(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  proposalId: string,
): Promise<Proposal | undefined> {
  const row = await selectProposals(db, organisationId)
    .where('proposal_id', '=', proposalId)
    .executeTakeFirst()
  return row === undefined ? undefined : proposalOf(row)
}

/** In the order of their ids, after the given one; with `isOpen` only those that can be confirmed. */
export async function listProposals(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: {
    readonly isOpen: boolean
    readonly after: string | undefined
    readonly limit: number
  },
): Promise<Proposal[]> {
  let query = selectProposals(db, organisationId)
  if (page.isOpen) {
    query = query.where('state', '=', 'open').where('expires_at', '>', sql<Date>`clock_timestamp()`)
  }
  if (page.after !== undefined) query = query.where('proposal_id', '>', page.after)
  const rows = await query.orderBy('proposal_id').limit(page.limit).execute()
  return rows.map(proposalOf)
}

/**
 * Writes what an operator asks for. Call it inside a command. `change` is JSON that the kind's own
 * applier reads, and holds nobody's data. Throws `proposal.too_many`.
 */
export async function propose(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  wanted: {
    readonly kind: ProposalKind
    readonly change: unknown
    readonly operatorId: string
    readonly reason: string
    readonly withinSeconds?: number | undefined
  },
): Promise<Proposal> {
  const { kind, change, operatorId, reason } = wanted
  const open = await listProposals(tx, organisationId, {
    isOpen: true,
    after: undefined,
    limit: openProposalsMax,
  })
  if (open.length >= openProposalsMax) {
    throw new AirworthyError('proposal.too_many', `${openProposalsMax} proposals wait already`)
  }
  const proposalId = randomUUIDv7()
  const salt = randomBytes(reasonSaltBytes)
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'proposal.made',
      agentId: organisationId,
      body: {
        kind,
        operator: operatorId,
        proposal: proposalId,
        reason: commitReason(salt, reason),
      },
    },
  ])
  const atMs = entry?.atMs ?? 0
  const withinMs = (wanted.withinSeconds ?? proposalSecondsDefault) * 1000
  await tx
    .insertInto('airworthy.proposals')
    .values({
      organisation_id: organisationId,
      proposal_id: proposalId,
      kind,
      change: JSON.stringify(change),
      reason,
      reason_salt: salt,
      proposed_by: operatorId,
      proposed_at: new Date(atMs),
      expires_at: new Date(atMs + withinMs),
    })
    .execute()
  await announce(tx, organisationId, {
    kind: 'proposal.made',
    subject: proposalId,
    detail: { kind },
  })
  return requireProposal(tx, organisationId, proposalId)
}

/**
 * Confirms a proposal. Call it inside the command that applies its change. Throws
 * `proposal.unknown`, `proposal.expired`, `proposal.settled` or `proposal.same_person`.
 */
export async function confirm(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  command: { readonly proposalId: string; readonly operatorId: string },
): Promise<Proposal> {
  const { proposalId, operatorId } = command
  const proposal = await requireProposal(tx, organisationId, proposalId)
  const both = await findOperators(tx, organisationId, [proposal.proposedBy, operatorId])
  const proposer = both.find((each) => each.operatorId === proposal.proposedBy)
  if (proposal.standing === 'open' && proposer !== undefined && proposer.revokedAt !== null) {
    const message = 'whoever proposed it was revoked since: propose it anew'
    throw new AirworthyError('proposal.settled', message)
  }
  const personOf = (id: string): string =>
    both.find((each) => each.operatorId === id)?.personId ?? id
  const refusal = refusesConfirmation(proposal, {
    proposer: personOf(proposal.proposedBy),
    confirmer: personOf(operatorId),
  })
  if (refusal !== undefined) throw new AirworthyError(refusal, refusals[refusal])
  return settle(tx, organisationId, { proposal, operatorId, state: 'confirmed' })
}

/** Takes a proposal back; anyone who may confirm it may say no. Call it inside a command. */
export async function withdraw(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  command: { readonly proposalId: string; readonly operatorId: string },
): Promise<Proposal> {
  const proposal = await requireProposal(tx, organisationId, command.proposalId)
  if (proposal.standing !== 'open') {
    throw new AirworthyError('proposal.settled', `the proposal is ${proposal.standing}`)
  }
  return settle(tx, organisationId, { ...command, proposal, state: 'withdrawn' })
}

const refusals = {
  'proposal.expired': 'the proposal waited too long',
  'proposal.settled': 'the proposal is decided already',
  'proposal.same_person':
    'whoever proposes cannot confirm, nor can an operator whom they have added, or who has added them',
} as const

async function requireProposal(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  proposalId: string,
): Promise<Proposal> {
  const proposal = await findProposal(db, organisationId, proposalId)
  if (proposal === undefined) {
    throw new AirworthyError('proposal.unknown', `there is no proposal ${proposalId}`)
  }
  return proposal
}

async function settle(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  change: {
    readonly proposal: Proposal
    readonly operatorId: string
    readonly state: 'confirmed' | 'withdrawn'
  },
): Promise<Proposal> {
  const { proposal, operatorId, state } = change
  const { kind, proposalId, proposedBy } = proposal
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: `proposal.${state}`,
      agentId: organisationId,
      body: { by: proposedBy, kind, operator: operatorId, proposal: proposalId },
    },
  ])
  await tx
    .updateTable('airworthy.proposals')
    .set({ state, decided_by: operatorId, decided_at: new Date(entry?.atMs ?? 0) })
    .where('organisation_id', '=', organisationId)
    .where('proposal_id', '=', proposalId)
    .execute()
  return requireProposal(tx, organisationId, proposalId)
}
