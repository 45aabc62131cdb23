// Whether two models said the same. Texts are compared by their words, JSON by its value, tool calls
// by name and arguments; what is neither the same nor plainly different is for a person to judge.
import { canonicalJson } from '../canonical.ts'

export type Answer = {
  readonly text: string
  /** Name and arguments, as JSON text. */
  readonly toolCalls: readonly { readonly name: string; readonly arguments: string }[]
}

export type Agreement = { readonly verdict: 'same' | 'differs' | 'unsure'; readonly score: number }

const sameAbove = 0.85
const differsBelow = 0.35

/** `score` is 1 for the same answer, 0 where nothing is shared. */
export function compareAnswers(one: Answer, other: Answer): Agreement {
  if (one.toolCalls.length > 0 || other.toolCalls.length > 0) {
    const isSame = callsOf(one) === callsOf(other)
    return isSame ? { verdict: 'same', score: 1 } : { verdict: 'differs', score: 0 }
  }
  const json = [parse(one.text), parse(other.text)] as const
  if (json[0] !== undefined && json[1] !== undefined) {
    const isSame = canonicalText(json[0]) === canonicalText(json[1])
    return isSame ? { verdict: 'same', score: 1 } : { verdict: 'differs', score: 0 }
  }
  if (numbersOf(one.text) !== numbersOf(other.text)) return { verdict: 'differs', score: 0 }
  const score = overlap(wordsOf(one.text), wordsOf(other.text))
  if (score >= sameAbove) return { verdict: 'same', score }
  return { verdict: score < differsBelow ? 'differs' : 'unsure', score }
}

function callsOf({ toolCalls }: Answer): string {
  const calls = toolCalls.map((call) => {
    const args = parse(call.arguments)
    return `${call.name} ${args === undefined ? call.arguments : canonicalText(args)}`
  })
  return calls.toSorted().join('\n')
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

function canonicalText(value: object): string {
  try {
    return canonicalJson(value)
  } catch {
    return JSON.stringify(value)
  }
}

function numbersOf(text: string): string {
  const found = text.match(/\d+(?:[.,]\d+)*/g) ?? []
  return [...new Set(found)].toSorted().join(' ')
}

function wordsOf(text: string): Set<string> {
  return new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])
}

/** The share of all words that both have (Jaccard). */
function overlap(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  const all = one.union(other).size
  return all === 0 ? 1 : Math.round((one.intersection(other).size / all) * 1000) / 1000
}
