import { suggest } from '../../core/pact/suggest.ts'

const shownMax = 3

/** Known names that are a slip away from this one, nearest first; at most three. */
export function nearNames(name: string, known: Iterable<string>): string[] {
  const left = new Set(known)
  const near: string[] = []
  while (near.length < shownMax) {
    const next = suggest(name, left)
    if (next === undefined) break
    left.delete(next)
    near.push(next)
  }
  return near
}
