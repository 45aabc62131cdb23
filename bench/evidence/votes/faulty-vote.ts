// One vote of Ben's with some of the faults, else as it should be.
import { signVote } from '@airworthy/sdk'
import type { Signatory } from '../../../e2e/harness/operators.ts'
import type { Ground, Question, VoteWord } from './ground.ts'

/**
 * forged: signed with a key of somebody else. replayed: with the nonce of a vote that counted.
 * expired: its time is over. altered: another vote was signed, and its words changed afterwards.
 * self-made: of the author of the call. out-of-order: about the round before.
 */
export const faults = [
  'forged',
  'replayed',
  'expired',
  'altered',
  'self-made',
  'out-of-order',
] as const

export type Fault = (typeof faults)[number]

export async function castFaulty(
  ground: Ground,
  question: Question,
  cast: { readonly faults: readonly Fault[]; readonly word: VoteWord },
): Promise<unknown> {
  const has = (fault: Fault): boolean => cast.faults.includes(fault)
  const { word } = cast
  const voter: Signatory = has('self-made') ? ground.author : ground.ben
  const signer = has('forged') ? ground.stranger.signer : voter.signer
  const asked = has('out-of-order') ? question.before : question.now
  const ballot = { ...asked, operator: voter.id }
  const signedWord = has('altered') ? opposite(word) : word
  const signed = await signVote(
    ballot,
    {
      vote: signedWord,
      ...(has('expired') ? { expires: Date.now() - 60_000 } : {}),
      ...(has('replayed') ? { nonce: nonceOf(question.usedByBen.statement) } : {}),
    },
    signer,
  )
  const statement = signed.statement.replace(`"vote":"${signedWord}"`, `"vote":"${word}"`)
  const body = { signed: { ...signed, statement } }
  return word === 'approve'
    ? voter.client.approveHold(question.holdId, body)
    : voter.client.rejectHold(question.holdId, body)
}

function opposite(word: VoteWord): VoteWord {
  return word === 'approve' ? 'reject' : 'approve'
}

function nonceOf(statement: string): string {
  const parsed: { nonce?: string } = JSON.parse(statement)
  return parsed.nonce ?? ''
}
