// Votes about held calls, signed where the operator has a key.
import { type Client, type DecideHold, type SignedVote, signVote } from '@airworthy/sdk'
import { hash } from 'node:crypto'
import { canonicalJson } from '../core/canonical.ts'
import type { GlobalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { findVoteKey, readVoteKey, voteKeyFile } from './vote-key.ts'

export type VoteOptions = {
  readonly reason?: string
  readonly signingKey?: string
  readonly round: number
}

/** The body of an approval or a rejection. */
export async function makeVote(
  client: Client,
  vote: {
    readonly id: string
    readonly vote: 'approve' | 'reject'
    readonly options: VoteOptions
    readonly globals: GlobalOptions
  },
): Promise<DecideHold> {
  const signed = await sign(client, vote)
  const { reason, round } = vote.options
  return {
    round,
    ...(reason === undefined ? {} : { reason }),
    ...(signed === undefined ? {} : { signed }),
  }
}

async function sign(
  client: Client,
  { id, vote, options, globals }: Parameters<typeof makeVote>[1],
): Promise<SignedVote | undefined> {
  const file = voteKeyFile(globals, options.signingKey)
  const key = options.signingKey === undefined ? await findVoteKey(file) : await readVoteKey(file)
  if (key === undefined) return undefined
  const { ballot, facts } = await client.getBallot(id)
  // What is signed is a hash: it must be that of the facts that the server shows.
  if (facts !== null && hash('sha256', canonicalJson(facts), 'base64url') !== ballot.facts) {
    throw new UsageError('the server shows other facts than it asks to sign; nothing was signed')
  }
  if (ballot.round !== options.round) {
    throw new UsageError(
      `the question was opened again: look at it (airworthy hold show ${id}), ` +
        `then vote with --round ${ballot.round}`,
    )
  }
  if (ballot.hold !== id) throw new UsageError('the server answers with another hold')
  return signVote(ballot, { vote }, key)
}
