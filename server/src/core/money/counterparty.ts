// Who gets the money. An identifier counts and is blocked in any spelling of it, and is allowed in
// its own only: so neither blanks nor look-alike letters pass a limit.
import { foldText } from '../decision/look-alike.ts'
import { matchesParts } from '../pact/selector.ts'

const counterpartyLengthMax = 512

/** The text that an argument names a counterparty by; undefined where it names none. */
export function counterpartyText(value: unknown): string | undefined {
  const isExact = typeof value === 'number' && Number.isSafeInteger(value)
  const text = isExact ? String(value) : value
  if (typeof text !== 'string' || text.length > counterpartyLengthMax) return undefined
  return foldCounterparty(text) === '' ? undefined : text
}

/**
 * Letters and digits alone, without case and accents, with look-alike letters as those they look
 * like. Nor do zeros in front of a number count, or "IBAN" in front of one. Two who are told apart
 * by nothing else count as one: a limit is hit too early, and nobody is let past it.
 */
export function foldCounterparty(text: string): string {
  return lettersOf(text)
    .replace(/^iban(?=[a-z]{2}\d{2})/, '')
    .replace(/^0+(?=\d+$)/, '')
}

function lettersOf(text: string): string {
  const lower = bare(text).toLowerCase().replaceAll('ς', 'σ')
  // Some letters look like others in capitals only, and some in small letters only.
  return bare(foldText(foldText(lower).toUpperCase()).toLowerCase())
}

/** Without signs, blanks and accents. */
function bare(text: string): string {
  return text.normalize('NFKD').replaceAll(/[^\p{L}\p{N}]+/gu, '')
}

/** Whether any spelling of the text matches the pattern: with what stands in front, or without. */
export function matchesFolded(text: string, pattern: string): boolean {
  return [lettersOf, foldCounterparty].some((fold) =>
    matchesPattern(fold(text), pattern.split('*').map(fold).join('*')),
  )
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
