// Who gets the money. An identifier counts and is blocked in any spelling of it, and is allowed in
// its own only: so neither blanks nor look-alike letters pass a limit.
import { foldText } from '../decision/look-alike.ts'
import { matchesParts } from '../pact/selector.ts'

const counterpartyLengthMax = 512

/** The text that an argument names a counterparty by; undefined where it names none. */
export function counterpartyText(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string' || text.length > counterpartyLengthMax) return undefined
  return foldCounterparty(text) === '' ? undefined : text
}

/** Without case, blanks and separators, and with look-alike letters as those they look like. */
export function foldCounterparty(text: string): string {
  return foldText(text)
    .toLowerCase()
    .replaceAll(/[\s\-_./]+/gu, '')
}

/** `*` stands for anything. */
export function matchesPattern(text: string, pattern: string): boolean {
  return matchesParts(text, pattern.split('*'))
}

type Digest = (text: string) => string

/** What a list that allows knows a counterparty by: its own spelling alone. */
export function exactDigest(digest: Digest, text: string): string {
  return digest(`counterparty:${text}`)
}

/** What counts and blocks: one for all spellings. */
export function foldedDigest(digest: Digest, text: string): string {
  return digest(`counterparty-folded:${foldCounterparty(text)}`)
}
