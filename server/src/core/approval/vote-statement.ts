// What an operator signs: one vote about one question, and nothing that could fit another. The server
// builds it again from the hold's row and compares every member.
import { hash } from 'node:crypto'
import { canonicalJson, parseExactJson } from '../canonical.ts'

export const voteStatementType = 'airworthy/vote/v1'

/** What is asked: ids, hashes, the round and the level. */
export type Ballot = {
  readonly organisation: string
  readonly hold: string
  readonly round: number
  readonly level: number
  readonly call: string
  readonly operator: string
  readonly args: string
  readonly schema: string
  readonly pact: string
  readonly facts: string
}

export type VoteStatement = Ballot & {
  readonly type: typeof voteStatementType
  readonly vote: 'approve' | 'reject'
  /** Milliseconds since 1970: afterwards the statement is worth nothing. */
  readonly expires: number
  /** 16 to 64 characters of base64url: a statement counts once. */
  readonly nonce: string
}

const statementLengthMax = 4096
/** A statement that outlives this is refused: it could be kept for later. */
export const voteLifeMsMax = 24 * 3600 * 1000

/** The bytes that are signed. */
export function formatStatement(statement: VoteStatement): string {
  return canonicalJson(statement)
}

/** SHA-256 of the statement's bytes, base64url: what the log has of it. */
export function hashStatement(text: string): string {
  return hash('sha256', text, 'base64url')
}

export type ReadVote =
  | { readonly kind: 'ok'; readonly expires: number; readonly nonce: string }
  /** It is not canonical JSON, or lacks what a vote has. */
  | { readonly kind: 'malformed'; readonly message: string }
  /** It says something else than what is asked: the members that differ. */
  | { readonly kind: 'mismatch'; readonly members: readonly string[] }

/** Compares a statement with the question and the vote as the request gives it. */
export function readStatement(
  text: string,
  asked: { readonly ballot: Ballot; readonly vote: 'approve' | 'reject' },
): ReadVote {
  if (text.length > statementLengthMax) return malformed('it is too long')
  const parsed = parseExactJson(text)
  if (parsed.kind === 'invalid') return malformed(parsed.message)
  const { value } = parsed
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return malformed('it is no object')
  }
  const members = new Map<string, unknown>(Object.entries(value))
  const expires = members.get('expires')
  const nonce = members.get('nonce')
  if (typeof expires !== 'number' || !Number.isSafeInteger(expires) || expires < 0) {
    return malformed('expires must be milliseconds since 1970')
  }
  if (typeof nonce !== 'string' || !/^[A-Za-z0-9_-]{16,64}$/.test(nonce)) {
    return malformed('nonce must be 16 to 64 characters of base64url')
  }
  const { ballot, vote } = asked
  const wanted = { ...ballot, type: voteStatementType, vote, expires, nonce } as const
  const expected = new Map<string, unknown>(Object.entries(wanted))
  const names = new Set([...expected.keys(), ...members.keys()])
  const differing = [...names].filter((name) => expected.get(name) !== members.get(name))
  if (differing.length > 0) return { kind: 'mismatch', members: differing.toSorted() }
  // The same members in other bytes: a signature is over bytes, so there is one way to write them.
  if (formatStatement(wanted) !== text) return malformed('it is not canonical JSON (RFC 8785)')
  return { kind: 'ok', expires, nonce }
}

function malformed(message: string): ReadVote {
  return { kind: 'malformed', message }
}

export type LifeFault = 'expired' | 'too_long'

/** Whether a statement is worth something now, by the database's clock. */
export function checkLife(expiresMs: number, nowMs: number): LifeFault | undefined {
  if (expiresMs <= nowMs) return 'expired'
  return expiresMs > nowMs + voteLifeMsMax ? 'too_long' : undefined
}
