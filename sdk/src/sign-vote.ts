// Votes of operators, signed with a key of their own: what is signed names the one question that it
// answers, so that no server, and nobody who copies it, can use it for another.
import type { RequestSigner } from './signing-key.ts'
import type { Ballot, SignedVote } from './wire/hold.ts'

const lifeMs = 5 * 60_000

export type VoteOptions = {
  readonly vote: 'approve' | 'reject'
  /** Milliseconds since 1970; five minutes from now unless told otherwise, a day at most. */
  readonly expires?: number
  /** 16 to 64 characters of base64url; random unless told otherwise. */
  readonly nonce?: string
}

/** Signs a vote about the question of a ballot. Look at its facts before: they are what is signed. */
export async function signVote(
  ballot: Ballot,
  options: VoteOptions,
  signer: RequestSigner,
): Promise<SignedVote> {
  const { args, call, facts, hold, level, operator, organisation, pact, round, schema } = ballot
  const expires = options.expires ?? Date.now() + lifeMs
  const nonce = options.nonce ?? toBase64url(crypto.getRandomValues(new Uint8Array(24)))
  // Canonical JSON (RFC 8785): sorted members, and nothing but texts and integers in them.
  const statement = JSON.stringify({
    args,
    call,
    expires,
    facts,
    hold,
    level,
    nonce,
    operator,
    organisation,
    pact,
    round,
    schema,
    type: 'airworthy/vote/v1',
    vote: options.vote,
  })
  return { statement, signature: await signText(statement, signer) }
}

/** Signs that a key belongs to an operator: the new key as proof, or an old one that vouches. */
export function signOperatorKey(
  enrolled: { readonly organisation: string; readonly operator: string; readonly key: string },
  signer: RequestSigner,
): Promise<string> {
  const { key, operator, organisation } = enrolled
  const type = 'airworthy/operator-key/v1'
  return signText(JSON.stringify({ key, operator, organisation, type }), signer)
}

async function signText(text: string, signer: RequestSigner): Promise<string> {
  return toBase64url(await signer.sign(new TextEncoder().encode(text)))
}

function toBase64url(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
