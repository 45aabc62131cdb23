// Whether the cached answer would have done in place of the real one.
import { embedText } from './embed-text.ts'
import { readText } from './read-text.ts'
import { normaliseText, textCharactersMax } from './tokens.ts'
import { cosine } from './vector.ts'

export type Comparison = 'agree' | 'differ' | 'unsure'

const likenessMin = 0.9
const likenessMax = 0.35

/**
 * Equal but for blanks, marks and capitals: they agree. Other numbers or codes, or hardly a word in
 * common: they differ. Between the two nobody knows, and a person has to look.
 */
export function compareReplies(cached: string, real: string): Comparison {
  const a = plain(cached)
  const b = plain(real)
  if (a === b) return 'agree'
  const left = readText(cached.slice(0, textCharactersMax))
  const right = readText(real.slice(0, textCharactersMax))
  if (left === undefined || right === undefined) return 'unsure'
  if (!isSame(left.quantities, right.quantities) || !isSame(left.codes, right.codes))
    return 'differ'
  if (left.language !== right.language) return 'differ'
  const likeness = cosine(embedText(left), embedText(right))
  if (likeness <= likenessMax) return 'differ'
  const isWhole = Math.max(cached.length, real.length) <= textCharactersMax
  const isSameSense = isSame(left.negations, right.negations) && isSame(left.names, right.names)
  return isWhole && isSameSense && likeness >= likenessMin ? 'agree' : 'unsure'
}

function plain(text: string): string {
  return normaliseText(text)
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  const left = new Set(a)
  const right = new Set(b)
  return left.size === right.size && left.isSubsetOf(right)
}
