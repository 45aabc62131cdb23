// "Did you mean": the nearest known name, when one is near.

const LENGTH_MAX = 100
const SHORT_MIN = 3

/** The known name that is a typing slip away from `name`, or undefined. */
export function suggest(name: string, known: Iterable<string>): string | undefined {
  if (name.length > LENGTH_MAX) return undefined
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const distance = distanceOf(name.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** ` (did you mean "x"?)`, or nothing. */
export function hint(name: string, known: Iterable<string>): string {
  const best = suggest(name, known)
  return best === undefined ? '' : ` (did you mean "${best}"?)`
}

/** A name that was cut short is as near as one wrong letter. */
function distanceOf(name: string, candidate: string): number {
  const isShort = name.length >= SHORT_MIN && candidate.startsWith(name)
  return isShort ? Math.min(1, candidate.length - name.length) : editDistance(name, candidate)
}

/** Letters to add, drop, change or swap with their neighbour; one row at a time. */
function editDistance(from: string, to: string): number {
  let before: number[] = []
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= to.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      const isSwap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      const swap = isSwap ? (before[j - 2] ?? 0) + 1 : Infinity
      next.push(Math.min(change, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    before = row
    row = next
  }
  return row[to.length] ?? 0
}
