// What is remembered of a value, so that a piece of it is found in an argument later: its words and
// its pairs of words, never the text itself.
import { type Atom, atomsOf } from './atoms.ts'
import { leavesOf } from './leaves.ts'

/** Of one result or message; some 60 KB of prose. */
const fragmentsMax = 20_000
const leavesMax = 20_000
const textCharsMax = 200_000
const wholeAtomsMax = 16
/** Shorter words are found only where they are a whole value. */
export const atomCharsMin = 3

export type SourceFragments = {
  readonly fragments: ReadonlySet<string>
  /** It is too much to remember: every argument may come from it. */
  readonly isEverything: boolean
}

export function sourceFragments(value: unknown): SourceFragments {
  const fragments = new Set<string>()
  const { texts, isCut } = leavesOf(value, leavesMax)
  let chars = 0
  for (const text of texts) {
    chars += text.length
    if (chars > textCharsMax) return { fragments: new Set(), isEverything: true }
    addFragments(fragments, atomsOf(text))
    if (fragments.size > fragmentsMax) return { fragments: new Set(), isEverything: true }
  }
  return isCut ? { fragments: new Set(), isEverything: true } : { fragments, isEverything: false }
}

function addFragments(fragments: Set<string>, atoms: readonly Atom[]): void {
  if (atoms.length === 0) return
  if (atoms.length <= wholeAtomsMax) fragments.add(wholeFragment(atoms))
  for (const [index, atom] of atoms.entries()) {
    if (atom.text.length >= atomCharsMin) fragments.add(atomFragment(atom))
    const next = atoms[index + 1]
    if (next !== undefined) fragments.add(pairFragment(atom, next))
    if (fragments.size > fragmentsMax) return
  }
}

/** A whole value: a name, an id, a short text. */
export function wholeFragment(atoms: readonly Atom[]): string {
  return `= ${atoms.map((atom) => atom.text).join(' ')}`
}

export function atomFragment(atom: Atom): string {
  return `1 ${atom.text}`
}

export function pairFragment(first: Atom, second: Atom): string {
  return `2 ${first.text} ${second.text}`
}
