// Why a cached answer to one text must not be given to another. Each veto alone refuses; a text that
// cannot be read is refused; no veto is ever outweighed by a likeness.
import { directions, empty, narrowing, opposites } from './lexicon/words.ts'
import { basesOf, type ReadText } from './read-text.ts'
import { meansTheSameOrder } from './word-order.ts'

export const vetoKinds = [
  'unreadable',
  'language',
  'length',
  'relative time',
  'number',
  'date',
  'code',
  'quotation',
  'entity',
  'negation',
  'opposite',
  'question',
  'person',
  'direction',
  'tense',
  'narrowing',
  'order',
  'words',
] as const
export type VetoKind = (typeof vetoKinds)[number]

export type VetoOptions = {
  /** Whether words that only one text has may be let pass, where no other veto speaks. */
  readonly unmatchedWords: 'refuse' | 'allow'
}

const lengthRatioMax = 2

type Veto = readonly [VetoKind, (a: ReadText, b: ReadText) => boolean]

const vetoes: readonly Veto[] = [
  ['language', (a, b) => a.language !== b.language],
  ['relative time', (a, b) => a.isRelative || b.isRelative],
  ['length', (a, b) => !isRatioWithin(a.content.length, b.content.length)],
  ['number', (a, b) => !isSameList(a.quantities, b.quantities)],
  ['date', (a, b) => !isSameSet(a.calendar, b.calendar)],
  ['code', (a, b) => !isSameBag(a.codes, b.codes)],
  ['quotation', (a, b) => !isSameBag(a.quoted, b.quoted)],
  ['entity', (a, b) => missesName(a, b) || missesName(b, a)],
  ['negation', (a, b) => !isSameBag(a.negations, b.negations)],
  ['opposite', isOpposite],
  ['question', (a, b) => a.intent !== b.intent],
  ['person', (a, b) => !isSamePerson(a.persons, b.persons)],
  ['direction', (a, b) => !isSameBag(a.roles, b.roles)],
  ['tense', isOtherTense],
  ['narrowing', (a, b) => differsIn(a, b, (word) => narrowing.has(word))],
]

/** Gives what speaks against answering `b` with the answer to `a`; undefined where nothing does. */
export function findVeto(
  a: ReadText | undefined,
  b: ReadText | undefined,
  options: VetoOptions,
): VetoKind | undefined {
  if (a === undefined || b === undefined) return 'unreadable'
  // What is asked about the present is not answered by what was said before, however alike.
  if (a.isRelative || b.isRelative) return 'relative time'
  if (!isSameList(a.signs, b.signs)) return 'number'
  if (isOtherUnit(a, b)) return 'number'
  if (!isSameBag(a.shouted, b.shouted)) return 'entity'
  if (isOtherCode(a, b)) return 'code'
  if (isSameList(a.sequence, b.sequence) && isSameBag(a.codes, b.codes)) {
    // Marks are in no sequence: a currency is.
    if (!isSameList(a.quantities, b.quantities)) return 'number'
    if (!isSameSet(a.calendar, b.calendar)) return 'date'
    const isOtherName = a.names.length > 0 && b.names.length > 0 && !isSameBag(a.names, b.names)
    return isOtherName ? 'entity' : undefined
  }
  // The lists of words are English: of other languages only the same words in a row are the same.
  if (a.language === 'other' || b.language === 'other') return 'language'
  for (const [kind, speaks] of vetoes) if (speaks(a, b)) return kind
  const left = unmatched(a, b)
  if (left.length > 0) return options.unmatchedWords === 'refuse' ? 'words' : undefined
  return meansTheSameOrder(renamed(a, b), b.content) ? undefined : 'order'
}

/** Marks of formulas and programs: where they stand says more than the words. */
const technical = /[(){}[\]|~<>=^*\\`]|(?<!\w)&(?=\w)|&&|!(?=[\w(])/u

/** A text with such marks is answered only by the same text, letter for letter. */
function isOtherCode(a: ReadText, b: ReadText): boolean {
  const isTechnical = technical.test(a.normalised) || technical.test(b.normalised)
  return isTechnical && bareText(a) !== bareText(b)
}

function bareText({ normalised }: ReadText): string {
  return normalised.replace(/[\s.,?!]+$/, '')
}

/** Units that are others in capitals: mW and MW, Mb and MB. */
const casedUnits = /(?<=\d ?)(?:m|m[aswv]|[kmgt]b)(?![\p{L}\d])/giu

function isOtherUnit(a: ReadText, b: ReadText): boolean {
  const [ofA, ofB] = [a, b].map(({ normalised }) => normalised.match(casedUnits)?.join(' ') ?? '')
  return ofA !== ofB && ofA?.toLowerCase() === ofB?.toLowerCase()
}

function isRatioWithin(a: number, b: number): boolean {
  if (a === 0 || b === 0) return a === b
  return Math.max(a, b) / Math.min(a, b) <= lengthRatioMax
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, at) => each === b[at])
}

function isSameBag(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && isSameList(a.toSorted(), b.toSorted())
}

function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && a.isSubsetOf(b)
}

/** A name of `a` of which `b` says nothing, in whatever letters. */
function missesName(a: ReadText, b: ReadText): boolean {
  const words = new Set([...b.sequence, ...b.content.map((each) => each.word)])
  const isKnown = (name: string): boolean =>
    words.has(name) || basesOf(name).some((base) => words.has(base) || words.has(`${base}s`))
  const canonical = new Set(a.content.map((each) => each.word))
  const isMissing = (name: string): boolean =>
    // A word that has a synonym is no name; whether the synonym is there, the words tell.
    !isKnown(name) && canonical.has(name)
  return a.names.some(isMissing) || (b.names.length > 0 && a.perhapsNames.some(isMissing))
}

/** A word that has an opposite; prepositions have their own veto. */
function turnsRound(word: string): boolean {
  return opposites.has(word) && !empty.has(word) && !directions.has(word)
}

function isOpposite(a: ReadText, b: ReadText): boolean {
  const [onlyA, onlyB] = differences(a, b)
  const isAgainst = onlyA.some((word) => onlyB.some((other) => opposites.get(word)?.has(other)))
  return isAgainst || [...onlyA, ...onlyB].some(turnsRound)
}

function differsIn(a: ReadText, b: ReadText, counts: (word: string) => boolean): boolean {
  return differences(a, b).some((words) => words.some(counts))
}

/** Words that the other has in no form. */
function missingIn(words: ReadonlySet<string>, other: ReadonlySet<string>): string[] {
  const others = [...other]
  return [...words.difference(other)].filter(
    (word) => !others.some((one) => isInflection(word, one)),
  )
}

function differences(a: ReadText, b: ReadText): [string[], string[]] {
  const inA = new Set(a.content.map((each) => each.word))
  const inB = new Set(b.content.map((each) => each.word))
  return [missingIn(inA, inB), missingIn(inB, inA)]
}

function changesOwner(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.has('your') && !other.has('your') && (other.has('my') || other.has('i'))
}

/** Who speaks may go unsaid ("my order", "the order"); whose it is may not change. */
function isSamePerson(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  const mayBeUnsaid = new Set(['my', 'your', 'i'])
  const strict = (persons: ReadonlySet<string>) => persons.difference(mayBeUnsaid)
  if (!isSameSet(strict(a), strict(b))) return false
  return !changesOwner(a, b) && !changesOwner(b, a)
}

/** "cancel" and "cancelled" are not the same question. */
function isOtherTense(a: ReadText, b: ReadText): boolean {
  if (!isSameSet(a.past, b.past)) return true
  const [onlyA, onlyB] = differences(a, b)
  return onlyA.some((word) => onlyB.some((other) => isPastOf(word, other) || isPastOf(other, word)))
}

function isPastOf(past: string, word: string): boolean {
  if (past === word || !past.endsWith('ed')) return false
  return [past.slice(0, -1), past.slice(0, -2), past.slice(0, -3)].includes(word)
}

function isInflection(a: string, b: string): boolean {
  return a === b || basesOf(a).includes(b) || basesOf(b).includes(a)
}

/** Words of one text that the other has in no form. */
function unmatched(a: ReadText, b: ReadText): string[] {
  const left = b.content.map((each) => each.word)
  const missing: string[] = []
  for (const { word } of a.content) {
    const exact = left.indexOf(word)
    const at = exact >= 0 ? exact : left.findIndex((other) => isInflection(word, other))
    if (at < 0) missing.push(word)
    else left.splice(at, 1)
  }
  return [...missing, ...left]
}

/** The content of `a` with each word in the form that `b` has it in, so that orders compare. */
function renamed(a: ReadText, b: ReadText): ReadText['content'] {
  const words = b.content.map((each) => each.word)
  return a.content.map((each) => {
    const word =
      words.find((one) => one === each.word) ?? words.find((one) => isInflection(one, each.word))
    return { ...each, word: word ?? each.word }
  })
}
