// Where the values of a call's arguments came from: each is looked for, whole and in pieces, in
// what is remembered of the session. An origin says "may have come from there", never "did not".
import { type Atom, atomsOf } from './atoms.ts'
import { leavesOf } from './leaves.ts'
import { atomCharsMin, atomFragment, pairFragment, wholeFragment } from './source.ts'
import { type Origin, type OriginsByArgument, unknownOrigin } from './taint.ts'

/** Of all arguments together; longer ones have every origin of the session. */
const fragmentsMax = 20_000
const leavesMax = 5000
const textCharsMax = 200_000
/** A word that is a whole value elsewhere is found inside a text from this length on. */
const nameCharsMin = 4

/** The leaves of one argument; undefined where it is too long to be looked through. */
type Argument = { readonly name: string; readonly leaves: readonly (readonly Atom[])[] | undefined }

export type Wanted = {
  readonly arguments: readonly Argument[]
  /** What to look for. */
  readonly fragments: ReadonlySet<string>
}

/** What was found: by origin the fragments, and the origins that everything may come from. */
export type Found = {
  readonly fragments: ReadonlyMap<Origin, ReadonlySet<string>>
  readonly everything: ReadonlySet<Origin>
}

export function wantedFragments(args: Readonly<Record<string, unknown>>): Wanted {
  const fragments = new Set<string>()
  let chars = 0
  const named = Object.entries(args).map(([name, value]): Argument => {
    const { texts, isCut } = leavesOf(value, leavesMax)
    for (const text of texts) chars += text.length
    if (isCut || chars > textCharsMax) return { name, leaves: undefined }
    const leaves = texts.map(atomsOf)
    for (const atoms of leaves) addWanted(fragments, atoms)
    return { name, leaves: fragments.size > fragmentsMax ? undefined : leaves }
  })
  return { arguments: named, fragments }
}

function addWanted(fragments: Set<string>, atoms: readonly Atom[]): void {
  if (atoms.length === 0 || fragments.size > fragmentsMax) return
  fragments.add(wholeFragment(atoms))
  for (const [index, atom] of atoms.entries()) {
    fragments.add(atomFragment(atom))
    fragments.add(wholeFragment([atom]))
    const next = atoms[index + 1]
    if (next === undefined) continue
    fragments.add(pairFragment(atom, next))
    fragments.add(wholeFragment([atom, next]))
  }
}

export function originsByArgument(wanted: Wanted, found: Found): OriginsByArgument {
  return Object.fromEntries(
    wanted.arguments.map(({ name, leaves }) => [name, originsOf(leaves, found)]),
  )
}

function originsOf(leaves: Argument['leaves'], found: Found): Origin[] {
  if (leaves === undefined) {
    return [...new Set([...found.everything, ...found.fragments.keys(), unknownOrigin])].toSorted()
  }
  const origins = new Set<Origin>()
  for (const atoms of leaves) {
    if (atoms.length === 0) continue
    for (const origin of found.everything) origins.add(origin)
    const known = new Set<number>()
    for (const [origin, fragments] of found.fragments) {
      const covered = coveredBy(atoms, fragments)
      if (covered.size > 0) origins.add(origin)
      for (const index of covered) known.add(index)
    }
    if (known.size < atoms.length) origins.add(unknownOrigin)
  }
  return [...origins].toSorted()
}

/** The atoms of a value, by index, that are found in what came from one origin. */
function coveredBy(atoms: readonly Atom[], has: ReadonlySet<string>): Set<number> {
  const covered = new Set<number>()
  if (has.has(wholeFragment(atoms))) return new Set(atoms.keys())
  for (const [index, atom] of atoms.entries()) {
    if (isAtomFound(atom, atoms.length, has)) covered.add(index)
    const next = atoms[index + 1]
    if (next === undefined || !has.has(pairFragment(atom, next))) continue
    const after = atoms[index + 2]
    const isRun = after !== undefined && has.has(pairFragment(next, after))
    // Two words in a row mean little in a long text, unless they are one thing.
    const isOne = atoms.length === 2 || next.isLinked || has.has(wholeFragment([atom, next]))
    if (isRun || isOne) for (const at of [index, index + 1]) covered.add(at)
    if (isRun) covered.add(index + 2)
  }
  return covered
}

function isAtomFound(atom: Atom, length: number, has: ReadonlySet<string>): boolean {
  const isKnown = atom.text.length >= atomCharsMin && has.has(atomFragment(atom))
  if (length === 1) return isKnown
  // A number or an id is told from ordinary words by its digits.
  const isDistinct = atom.text.length >= nameCharsMin && /\p{N}/u.test(atom.text)
  if (isKnown && isDistinct) return true
  return atom.text.length >= nameCharsMin && has.has(wholeFragment([atom]))
}
