// What people decide about held calls. A vote binds the exact arguments, the tool's schema, the pact's
// version and the facts that were shown; as many alike as the policy asks for settle the hold.
import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import type { HoldFacts } from '../../core/approval/facts.ts'
import { readFacts, readPolicy } from '../../core/approval/frozen.ts'
import type { ApprovalPolicy } from '../../core/approval/policy.ts'
import { countVotes } from '../../core/approval/quorum.ts'
import { commitReason, reasonSaltBytes } from '../../core/audit/reason.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { ModelApi } from '../../core/wires/model-api.ts'
import { noteIfCanary } from './canaries.ts'
import { closeHold, enterHold } from './close-hold.ts'
import type { Database } from '../database.ts'
import { type FullHold, readFullHold, readVotes } from './hold-rows.ts'
import { bringToNow } from './hold-steps.ts'
import { findOperator, findPerson, type OperatorRow } from '../identity/operators.ts'
import { runCommand } from '../transaction.ts'
import {
  type CheckedSignature,
  checkSignature,
  entitledLevels,
  type SignedVote,
} from './vote-checks.ts'

export type Vote = {
  readonly holdId: string
  readonly operatorId: string
  readonly vote: 'approve' | 'reject'
  readonly reason: string
  /** The round that it answers, where it is not signed; the first unless it says otherwise. */
  readonly round?: number | undefined
  readonly signed?: SignedVote | undefined
}

/** `open`: more votes are needed. */
export type VoteOutcome = 'open' | 'approved' | 'rejected'

/**
 * Casts a vote. Throws `hold.unknown`, `hold.settled`, `hold.expired`, or a `vote.*` code where the
 * vote may not count. A hold whose time is over is closed as well.
 */
export async function voteOnHold(
  db: Database,
  organisationId: OrganisationId,
  vote: Vote,
): Promise<VoteOutcome> {
  const outcome = await runCommand(db, organisationId, async (tx) => {
    const before = await readFullHold(tx, organisationId, vote.holdId)
    if (before === undefined) throw new AirworthyError('hold.unknown', 'there is no such hold')
    if (before.state !== 'pending') throw settled(before.state)
    const hold = await bringToNow(tx, organisationId, before)
    if (hold.state === 'expired') return 'expired'
    if (hold.state !== 'pending') throw settled(hold.state)
    return castVote(tx, organisationId, hold, vote)
  })
  if (outcome === 'expired') {
    throw new AirworthyError('hold.expired', 'the hold expired before the vote')
  }
  return outcome
}

function settled(state: string): AirworthyError {
  return new AirworthyError('hold.settled', `the hold is ${state} already`)
}

async function castVote(
  tx: Database,
  organisationId: OrganisationId,
  hold: FullHold,
  vote: Vote,
): Promise<VoteOutcome> {
  const { holdId, round, level } = hold
  const operator = await findOperator(tx, organisationId, vote.operatorId)
  if (operator === undefined || operator.revokedAt !== null) {
    throw new AirworthyError('auth.revoked_key', 'the key was revoked')
  }
  const levels = await entitledLevels(tx, organisationId, { hold, operator })
  const { signed } = vote
  const asked = { hold, operator, vote: vote.vote, round: vote.round ?? 1, signed }
  const signature = await checkSignature(tx, organisationId, asked)
  await refuseSecondVote(tx, organisationId, hold, operator)
  const salt = randomBytes(reasonSaltBytes)
  const reason = commitReason(salt, vote.reason)
  await writeVote(tx, organisationId, { hold, vote, levels, signature, salt, reason })
  const votes = await readVotes(tx, organisationId, { holdId, round })
  const standing = countVotes(hold.policy, level, votes)
  if (standing !== 'open') {
    const isCanary = standing === 'approved' && (await noteIfCanary(tx, organisationId, hold))
    const agreed = isCanary ? 'canary' : 'approving'
    const end = standing === 'approved' ? agreed : 'rejected'
    const by = { operatorId: operator.operatorId, reason }
    await closeHold(tx, organisationId, { hold, end, by })
    if (isCanary) return 'rejected'
  }
  return standing
}

/** One vote a person and round, under whatever name; it is never changed. */
async function refuseSecondVote(
  tx: Database,
  organisationId: OrganisationId,
  hold: FullHold,
  operator: OperatorRow,
): Promise<void> {
  const selves = await findPerson(tx, organisationId, operator.personId)
  const names = new Map(selves.map((self) => [self.operatorId, self.name]))
  const cast = await tx
    .selectFrom('airworthy.votes')
    .select(['vote', 'operator_id'])
    .where('organisation_id', '=', organisationId)
    .where('hold_id', '=', hold.holdId)
    .where('round', '=', hold.round)
    .where('operator_id', 'in', [...names.keys()])
    .executeTakeFirst()
  if (cast === undefined) return
  const message =
    cast.operator_id === operator.operatorId
      ? `you voted to ${cast.vote} it: a vote is never changed`
      : `${names.get(cast.operator_id)} voted to ${cast.vote} it, and counts as the same person`
  throw new AirworthyError('vote.cast', message)
}

async function writeVote(
  tx: Database,
  organisationId: OrganisationId,
  cast: {
    readonly hold: FullHold
    readonly vote: Vote
    readonly levels: readonly number[]
    readonly signature: CheckedSignature | undefined
    readonly salt: Buffer
    /** The commitment to the reason. */
    readonly reason: string
  },
): Promise<void> {
  const { hold, vote, levels, signature, salt, reason } = cast
  const { holdId, round, level } = hold
  const { time } = await enterHold(tx, organisationId, {
    hold,
    type: 'hold.voted',
    body: {
      facts: hold.factsHash === '' ? undefined : hold.factsHash,
      hold: holdId,
      key: signature?.thumbprint,
      level,
      operator: vote.operatorId,
      reason,
      round,
      signature: signature?.signature.toString('base64url'),
      statement: signature?.statementHash,
      vote: vote.vote,
    },
  })
  await tx
    .insertInto('airworthy.votes')
    .values({
      organisation_id: organisationId,
      hold_id: holdId,
      operator_id: vote.operatorId,
      vote: vote.vote,
      reason: vote.reason,
      reason_salt: salt,
      cast_at: time,
      round,
      level,
      levels: [...levels],
      statement: signature?.statement,
      signature: signature?.signature,
      thumbprint: signature?.thumbprint,
      nonce: signature?.nonce,
    })
    .execute()
}

/**
 * Approved holds whose call is not under way: a server stopped between vote and execution, or the call
 * waits for another. In the order of their ids, after the given one.
 */
export async function listApprovingHolds(
  db: Database,
  organisationId: OrganisationId,
  page: { readonly after: string | undefined; readonly limit: number },
): Promise<string[]> {
  let query = db
    .selectFrom('airworthy.holds')
    .select('hold_id')
    .where('organisation_id', '=', organisationId)
    .where('state', '=', 'approving')
    .where('decided_at', '<', sql<Date>`clock_timestamp() - interval '10 seconds'`)
  if (page.after !== undefined) query = query.where('hold_id', '>', page.after)
  const rows = await query.orderBy('hold_id').limit(page.limit).execute()
  return rows.map((row) => row.hold_id)
}

export type HeldCall = {
  readonly holdId: string
  readonly callId: string
  readonly sessionId: string
  readonly effectId: string
  readonly pactId: string
  readonly kind: 'model' | 'tool'
  readonly action: string
  readonly schemaHash: string
  readonly apiKeyId: string
  /** The API that the client of a model call speaks; undefined for what earlier releases held. */
  readonly wire: ModelApi | undefined
  readonly round: number
  /** What people were shown; undefined of what earlier releases held. */
  readonly facts: HoldFacts | undefined
  /** Who was asked; undefined where the pact declared no approvals. */
  readonly policy: ApprovalPolicy | undefined
  /** False for a call that no person was asked about: it waited for its run. */
  readonly isApproved: boolean
  /** A person made it, or wrote its arguments. */
  readonly isOfPerson: boolean
}

export async function findHeldCall(
  db: Database,
  organisationId: OrganisationId,
  holdId: string,
): Promise<HeldCall | undefined> {
  const row = await db
    .selectFrom('airworthy.holds as h')
    .innerJoin('airworthy.calls as c', (join) =>
      join
        .onRef('c.organisation_id', '=', 'h.organisation_id')
        .onRef('c.call_id', '=', 'h.call_id'),
    )
    .select([
      'h.hold_id',
      'h.call_id',
      'h.session_id',
      'c.effect_id',
      'h.pact_id',
      'c.kind',
      'h.action',
      'h.schema_hash',
      'c.api_key_id',
      'h.wire',
      'h.round',
      'h.facts',
      'h.policy',
      'h.approved_round',
      'h.author_id',
    ])
    .where('h.organisation_id', '=', organisationId)
    .where('h.hold_id', '=', holdId)
    .executeTakeFirst()
  if (row === undefined || row.effect_id === null) return undefined
  return {
    holdId: row.hold_id,
    callId: row.call_id,
    sessionId: row.session_id,
    effectId: row.effect_id,
    pactId: row.pact_id,
    kind: row.kind === 'model' ? 'model' : 'tool',
    action: row.action,
    schemaHash: row.schema_hash,
    apiKeyId: row.api_key_id,
    wire: row.wire ?? undefined,
    round: row.round,
    facts: readFacts(row.facts),
    policy: row.policy === null ? undefined : readPolicy(row.policy, 0),
    isApproved: row.approved_round === row.round,
    isOfPerson: row.author_id !== null,
  }
}
