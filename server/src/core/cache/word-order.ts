// Whether two texts of the same words also say the same of them: who does what to whom.
import type { Content } from './read-text.ts'

/**
 * True where the order of `b` is that of `a`, or differs in a way that changes nothing: the parts of
 * "X and Y" swapped, "status of the order" for "order status", a phrase moved to the front. Both have
 * the same words.
 */
export function meansTheSameOrder(a: readonly Content[], b: readonly Content[]): boolean {
  const wanted = keyOf(b)
  if (keyOf(a) === wanted) return true
  const turned = variants(a)
  if (turned.has(wanted)) return true
  for (const other of variants(b)) if (turned.has(other)) return true
  return false
}

const variantsMax = 200
/** A phrase that begins so can stand at the front or at the end. */
const movable = new Set([
  'for',
  'in',
  'on',
  'at',
  'if',
  'when',
  'with',
  ',',
  'after',
  'before',
  'without',
])

function keyOf(content: readonly Content[]): string {
  return content.map((each) => each.word).join(' ')
}

function variants(content: readonly Content[]): Set<string> {
  const found = new Map<string, readonly Content[]>([[keyOf(content), content]])
  for (const one of found.values()) {
    if (found.size > variantsMax) break
    for (const next of [...swapLists(one), ...turnGenitives(one), ...moveFronts(one)]) {
      const key = keyOf(next)
      if (!found.has(key)) found.set(key, next)
    }
  }
  return new Set(found.keys())
}

/** "cats and dogs": "dogs and cats". */
function swapLists(content: readonly Content[]): Content[][] {
  return content.flatMap((each, at) => {
    const before = content[at - 1]
    const isList = each.joint === 'and' || each.joint === 'or' || each.joint === ','
    if (!isList || before === undefined) return []
    const swapped = [...content]
    swapped[at - 1] = { word: each.word, joint: before.joint }
    swapped[at] = { word: before.word, joint: each.joint }
    return [swapped]
  })
}

/** "status of my order": "my order status"; also of two words, "opening hours of the store". */
function turnGenitives(content: readonly Content[]): Content[][] {
  return content.flatMap((each, at) => {
    if (each.joint !== 'of' && each.joint !== 'for') return []
    const turned: Content[][] = []
    for (const headLength of [1, 2]) {
      for (const tailLength of [1, 2]) {
        const start = at - headLength
        const end = at + tailLength
        if (start < 0 || end > content.length) continue
        const head = content.slice(start, at)
        const tail = content.slice(at, end)
        if ([...head.slice(1), ...tail.slice(1)].some((one) => one.joint !== '')) continue
        const joint = head[0]?.joint ?? ''
        const front = tail.map((one, index) => (index === 0 ? { word: one.word, joint } : one))
        const back = head.map((one, index) => (index === 0 ? { word: one.word, joint: '' } : one))
        turned.push([...content.slice(0, start), ...front, ...back, ...content.slice(end)])
      }
    }
    return turned
  })
}

/** "for students, is there a discount": "is there a discount for students". */
function moveFronts(content: readonly Content[]): Content[][] {
  return content.flatMap((each, at) => {
    if (at === 0 || !movable.has(each.joint)) return []
    const moved = content.slice(at)
    const rest = content.slice(0, at)
    // Only a last phrase moves: a second preposition in it would leave unclear what it belongs to.
    if (moved.slice(1).some((one) => one.joint !== '' && one.joint !== 'and' && one.joint !== 'or'))
      return []
    return [[...moved, ...rest]]
  })
}
