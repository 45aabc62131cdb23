// Whether a vote may count: the voter is asked, and signed this very question with a key of their own.
import type { Kysely } from 'kysely'
import { entitle, type HeldFor } from '../../core/approval/voter.ts'
import {
  type Ballot,
  checkLife,
  hashStatement,
  readStatement,
} from '../../core/approval/vote-statement.ts'
import { AirworthyError } from '../../core/errors.ts'
import { ed25519PublicKey, verifyEd25519 } from '../../core/identity/ed25519.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { FullHold } from './hold-rows.ts'
import { listOperatorKeys } from '../identity/operator-keys.ts'
import { findPerson, type OperatorRow } from '../identity/operators.ts'
import { readOnCall } from './on-call.ts'
import type { Schema } from '../schema/schema.ts'

export type SignedVote = {
  readonly statement: string
  /** 64 bytes. */
  readonly signature: Buffer
}

/** A signature that was found good, as the vote's row keeps it. */
export type CheckedSignature = SignedVote & {
  readonly thumbprint: string
  readonly nonce: string
  readonly statementHash: string
}

/** The question as an operator votes about it. */
export function ballotOf(
  hold: FullHold,
  of: { readonly organisationId: OrganisationId; readonly operatorId: string },
): Ballot {
  return {
    organisation: of.organisationId,
    hold: hold.holdId,
    round: hold.round,
    level: hold.level,
    call: hold.callId,
    operator: of.operatorId,
    args: hold.argsHash,
    schema: hold.schemaHash,
    pact: hold.pactId,
    facts: hold.factsHash,
  }
}

const refusals = {
  author: 'the call is your own: somebody else decides about it',
  own_team: "the policy asks nobody of the agent's own team",
  not_asked: 'the policy asks others',
  role: 'your role does not vote',
} as const

/** The levels that the operator is an approver of. Throws `vote.forbidden`. */
export async function entitledLevels(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  vote: { readonly hold: FullHold; readonly operator: OperatorRow },
): Promise<readonly number[]> {
  const { hold, operator } = vote
  const names = hold.policy.levels.flatMap(({ approvers }) => approvers.onCall ?? [])
  const held: HeldFor = {
    authors: hold.authors,
    writer: hold.writer,
    ownerTeam: hold.owner,
    onCall: await readOnCall(tx, organisationId, { names, nowMs: hold.nowMs }),
  }
  const selves = await findPerson(tx, organisationId, operator.personId)
  const teams = selves.flatMap((self) => self.teams)
  const entitlement = entitle(hold.policy, { ...operator, teams }, held)
  if (entitlement.kind === 'refused') {
    const { reason } = entitlement
    throw new AirworthyError('vote.forbidden', refusals[reason], { detail: { why: reason } })
  }
  if (!entitlement.levels.some((level) => level <= hold.level)) {
    const next = Math.min(...entitlement.levels)
    const message = `level ${hold.level} is asked; you are asked from level ${next} on`
    throw new AirworthyError('vote.forbidden', message, { detail: { why: 'not_asked_yet' } })
  }
  return entitlement.levels
}

/**
 * Checks the signature of a vote, or that it needs none. Throws `vote.unsigned`, `vote.malformed`,
 * `vote.mismatch`, `vote.signature_invalid`, `vote.expired` or `vote.replayed`.
 */
export async function checkSignature(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  vote: {
    readonly hold: FullHold
    readonly operator: OperatorRow
    readonly vote: 'approve' | 'reject'
    /** The round that an unsigned vote answers. */
    readonly round: number
    readonly signed: SignedVote | undefined
  },
): Promise<CheckedSignature | undefined> {
  const { hold, operator, signed } = vote
  const { operatorId } = operator
  const all = await listOperatorKeys(tx, organisationId, operatorId)
  const keys = all.filter((key) => key.revokedAt === null)
  if (signed === undefined) {
    // A revoked key does not make the API key enough again.
    if (hold.policy.unsigned === 'allowed' && all.length === 0) {
      requireRound(hold, vote.round)
      return undefined
    }
    const message =
      keys.length > 0
        ? 'you have a key of your own: votes must be signed with it'
        : 'votes about this call must be signed: enrol a key with `airworthy operator key add`'
    throw new AirworthyError('vote.unsigned', message)
  }
  const ballot = ballotOf(hold, { organisationId, operatorId })
  const read = readStatement(signed.statement, { ballot, vote: vote.vote })
  if (read.kind === 'malformed') throw new AirworthyError('vote.malformed', read.message)
  if (read.kind === 'mismatch') {
    const { members } = read
    const message = `the signed vote is about another question: ${members.join(', ')}`
    throw new AirworthyError('vote.mismatch', message, { detail: { members } })
  }
  const bytes = Buffer.from(signed.statement)
  const key = keys.find((each) =>
    verifyEd25519(ed25519PublicKey(each.publicKey), bytes, signed.signature),
  )
  if (key === undefined) {
    const message = 'none of your keys made this signature'
    throw new AirworthyError('vote.signature_invalid', message)
  }
  const fault = checkLife(read.expires, hold.nowMs)
  if (fault === 'expired') throw new AirworthyError('vote.expired', 'the signed vote has expired')
  if (fault === 'too_long') {
    throw new AirworthyError('vote.malformed', 'expires lies more than a day ahead')
  }
  await refuseReplay(tx, organisationId, read.nonce)
  const statementHash = hashStatement(signed.statement)
  return { ...signed, thumbprint: key.thumbprint, nonce: read.nonce, statementHash }
}

/** What changed since the voter looked must be looked at. Throws `vote.mismatch`. */
function requireRound(hold: FullHold, round: number): void {
  if (round === hold.round) return
  const message =
    `the vote is about round ${round}; the question was opened again, and round ${hold.round} ` +
    'is asked: look at it, and name the round'
  throw new AirworthyError('vote.mismatch', message, { detail: { members: ['round'] } })
}

async function refuseReplay(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  nonce: string,
): Promise<void> {
  const used = await tx
    .selectFrom('airworthy.votes')
    .select('hold_id')
    .where('organisation_id', '=', organisationId)
    .where('nonce', '=', nonce)
    .executeTakeFirst()
  if (used !== undefined) {
    throw new AirworthyError('vote.replayed', 'the signed vote was used before')
  }
}
