// The numbers of a text with their units, in their order: "$5", "5 dollars" and "five USD" are one.
import { fixedNumbers, multipliers, numberWords, units } from './lexicon/words.ts'
import type { Token } from './tokens.ts'

export type Quantities = {
  /** `5 usd`, `12`, `half`. */
  readonly found: readonly string[]
  /** Tokens that are part of a quantity, by their place. */
  readonly places: ReadonlySet<number>
}

/** After these, "one" is a pronoun. */
const pronounLeads = new Set([
  'which',
  'this',
  'that',
  'the',
  'any',
  'every',
  'each',
  'no',
  'another',
])
const currencyMarks = new Set(['$', '€', '£', '¥', '₹'])

export function readQuantities(tokens: readonly Token[]): Quantities {
  const found: string[] = []
  const places = new Set<number>()
  for (let at = 0; at < tokens.length;) {
    const number = readNumber(tokens, at)
    if (number === undefined) {
      at += 1
      continue
    }
    for (let place = at; place < number.end; place += 1) places.add(place)
    const unit = readUnit(tokens, at, number.end)
    for (const place of unit?.places ?? []) places.add(place)
    const bare = number.end === at + 1 ? versionAt(tokens, at) : undefined
    found.push(unit === undefined ? (bare ?? number.text) : `${number.text} ${unit.name}`)
    at = unit === undefined ? number.end : Math.max(number.end, ...unit.places.map((n) => n + 1))
  }
  return { found, places }
}

/** A number without a unit may be a version: 3.10 is not 3.1. */
function versionAt(tokens: readonly Token[], at: number): string | undefined {
  const text = tokens[at]?.text ?? ''
  return /^\d+\.\d*0$/.test(text) ? text : undefined
}

function readNumber(
  tokens: readonly Token[],
  at: number,
): { text: string; end: number } | undefined {
  const token = tokens[at]
  if (token === undefined) return undefined
  if (fixedNumbers.has(token.text)) return { text: token.text, end: at + 1 }
  if (token.text === 'one' && pronounLeads.has(tokens[at - 1]?.text ?? '')) return undefined
  let total = 0
  let part: number | undefined
  let end = at
  for (; end < tokens.length; end += 1) {
    const next = tokens[end]
    if (next === undefined) break
    const value = valueOf(next)
    const multiplier = multipliers.get(next.text)
    if (value !== undefined && part === undefined) part = value
    else if (value !== undefined && isSum(part, value) && next.kind === 'word')
      part = (part ?? 0) + value
    else if (multiplier !== undefined) {
      part = (part ?? 1) * multiplier
      if (multiplier > 100) {
        total += part
        part = undefined
      }
    } else if (!isJoint(tokens, end, at)) break
  }
  if (end === at) return undefined
  return { text: String(total + (part ?? 0)), end }
}

/** "twenty five", "two hundred seven"; "5 3" are two numbers. */
function isSum(part: number | undefined, value: number): boolean {
  if (part === undefined) return false
  return (part >= 20 && part < 100 && part % 10 === 0 && value < 10) || (part >= 100 && value < 100)
}

/** A hyphen, or the "and" of "two hundred and five". */
function isJoint(tokens: readonly Token[], at: number, start: number): boolean {
  if (at === start) return false
  const next = tokens[at + 1]
  const before = tokens[at - 1]?.text ?? ''
  if (next?.kind !== 'word' || valueOf(next) === undefined) return false
  const text = tokens[at]?.text
  return (text === '-' && before.endsWith('ty')) || (text === 'and' && multipliers.has(before))
}

function valueOf(token: Token): number | undefined {
  if (token.kind === 'word') return numberWords.get(token.text)
  if (token.kind !== 'number') return undefined
  const text = /^\d+(?:,\d{3})+/.test(token.text) ? token.text.replaceAll(',', '') : token.text
  return Number(text.replace(',', '.'))
}

function readUnit(
  tokens: readonly Token[],
  start: number,
  end: number,
): { name: string; places: number[] } | undefined {
  const before = tokens[start - 1]?.text ?? ''
  const after = tokens[end]?.text ?? ''
  const wordAt = after === '-' ? end + 1 : end
  const name = units.get(tokens[wordAt]?.text ?? '')
  if (currencyMarks.has(before)) return { name: units.get(before) ?? before, places: [start - 1] }
  if (name === undefined) return undefined
  return { name, places: [wordAt] }
}
