// What the vetoes compare of a text.
import { readIntent } from './intent.ts'
import { phrases } from './lexicon/synonyms.ts'
import {
  ambiguousMonths,
  calendarWords,
  directions,
  empty,
  english,
  foreign,
  infinitiveLeads,
  negations,
  pastAuxiliaries,
  relativeTimes,
  thirdPerson,
  thisTime,
  timeUnits,
  units,
} from './lexicon/words.ts'
import { readQuantities } from './quantities.ts'
import { normaliseText, textCharactersMax, type Token, tokenise } from './tokens.ts'

export type ReadText = {
  readonly normalised: string
  /** All words and numbers in their order, in small letters. */
  readonly sequence: readonly string[]
  readonly language: 'english' | 'other'
  readonly intent: string
  readonly quantities: readonly string[]
  readonly calendar: ReadonlySet<string>
  /** It asks for what is different tomorrow. */
  readonly isRelative: boolean
  /** Names that are no words: addresses, versions, identifiers, options. */
  readonly codes: readonly string[]
  /** Operators, and the minus of a number, in their order. */
  readonly signs: readonly string[]
  readonly quoted: readonly string[]
  /** Words written with a capital letter within a sentence, in small letters. */
  readonly names: readonly string[]
  /** The same for the first word of a sentence, where a capital proves nothing. */
  readonly perhapsNames: readonly string[]
  /** Small words written as names are: IT, US. With the place among the same words. */
  readonly shouted: readonly string[]
  /** Each negation with the word that follows it. */
  readonly negations: readonly string[]
  readonly persons: ReadonlySet<string>
  /** Directional prepositions with their objects: `from london`. */
  readonly roles: readonly string[]
  /** Whether it speaks of the past: `did`, `was`. */
  readonly past: ReadonlySet<string>
  /** Words that carry the meaning, canonical, in their order. */
  readonly content: readonly Content[]
}

export type Content = {
  readonly word: string
  /** `of`, `and`, `,` or a preposition that stands between it and the content before. */
  readonly joint: string
}

/** Reads a text. Undefined where it is too long, empty, or holds nothing to compare. */
export function readText(text: string): ReadText | undefined {
  if (text.length > textCharactersMax) return undefined
  const normalised = normaliseText(text)
  const tokens = tokenise(normalised)
  const { found, places } = readQuantities(tokens)
  const words = wordsOf(tokens, places)
  if (words.length === 0) return undefined
  const { kind, rest } = readIntent(words)
  const canonical = canonicalise(rest)
  const isPolar = kind.startsWith('polar')
  const content = contentOf(isPolar ? canonical.filter((word) => word !== 'any') : canonical)
  return {
    normalised,
    sequence: tokens.filter((token) => token.kind !== 'mark').map((token) => token.text),
    language: languageOf(tokens),
    intent: kind,
    quantities: found,
    ...timesOf(tokens, places),
    codes: tokens
      .filter((token) => token.kind === 'code')
      .map((token) => token.text)
      .concat(marksOf(tokens)),
    signs: [...normalised.matchAll(signs)].map(([sign]) => sign),
    quoted: [...normalised.matchAll(/"([^"]+)"|(?<!\w)'([^']+)'(?!\w)/g)].map((match) =>
      (match[1] ?? match[2] ?? '').toLowerCase(),
    ),
    ...namesOf(tokens),
    negations: negationsOf(canonical),
    persons: personsOf(rest),
    roles: rolesOf(canonical),
    past: new Set(words.filter((word) => pastAuxiliaries.has(word))),
    content,
  }
}

const signs = /[=!<>]=|[*/^=<>+×÷]|(?<![\p{L}\p{N}])-(?=[\d.$€£¥₹])|(?<=\d ?)-(?= ?\d)/gu

/** Quantities become `#`, so that words around them keep their place. */
function wordsOf(tokens: readonly Token[], quantities: ReadonlySet<number>): string[] {
  return tokens.flatMap((token, at) => {
    if (quantities.has(at)) return quantities.has(at - 1) ? [] : ['#']
    if (token.kind === 'mark') return token.text === ',' || token.text === '&' ? [token.text] : []
    // "The order's status": the owner, then what is owned.
    return [token.text.replace(/'s$/, '')]
  })
}

/** Marks that mean something: operators and pictures, not punctuation. */
function marksOf(tokens: readonly Token[]): string[] {
  return tokens
    .filter(
      (token) => token.kind === 'mark' && !/[.,;:!?'"()[\]{}$€£¥₹%&#*_`~…/|-]/.test(token.text),
    )
    .map((token) => token.text)
}

const plainForms: ReadonlyMap<string, string> = new Map([
  ['into', 'to'],
  ['has', 'have'],
])

/** Each phrase that has a synonym becomes the word that stands for its group. */
function canonicalise(words: readonly string[]): string[] {
  const canonical: string[] = []
  for (let at = 0; at < words.length;) {
    const found = phraseAt(words, at)
    canonical.push(found?.stands ?? plainForms.get(words[at] ?? '') ?? spell(words[at] ?? ''))
    at += found?.length ?? 1
  }
  return canonical
}

function phraseAt(
  words: readonly string[],
  at: number,
): { stands: string; length: number } | undefined {
  for (const base of basesOf(words[at] ?? '')) {
    for (const phrase of phrases.get(base) ?? []) {
      const { length } = phrase.words
      const matches = phrase.words.every(
        (word, offset) => offset === 0 || basesOf(words[at + offset] ?? '').includes(word),
      )
      if (matches) return { stands: phrase.stands, length }
    }
    // "log" and "my" apart: "log me in" stays as it is, and is refused.
  }
  return undefined
}

/** The word, and what it may be a plural or an -ing form of. */
export function basesOf(word: string): string[] {
  const bases = [word]
  if (/[^s]s$/.test(word) && word.length > 3) bases.push(word.slice(0, -1))
  if (/(?:s|x|z|ch|sh|o)es$/.test(word)) bases.push(word.slice(0, -2))
  if (/[^aeiou]ies$/.test(word) && word.length > 4) bases.push(`${word.slice(0, -3)}y`)
  if (/^\w{3,}ing$/.test(word)) {
    const stem = word.slice(0, -3)
    bases.push(stem, `${stem}e`)
    if (/([^aeiou])\1$/.test(stem)) bases.push(stem.slice(0, -1))
  }
  return bases
}

/** British and American spellings of one word. */
function spell(word: string): string {
  return word.replace(/(?<=\w{3})is(?=e$|es$|ed$|ing$|ation$|ations$)/, 'iz')
}

const joints = new Set([
  'of',
  'and',
  'or',
  ',',
  '&',
  'for',
  'in',
  'on',
  'at',
  'with',
  'to',
  'if',
  'when',
])

function contentOf(words: readonly string[]): Content[] {
  const content: Content[] = []
  let joint = ''
  for (const word of words) {
    if (joints.has(word) || directions.has(word)) joint = word === '&' ? 'and' : word
    if (word === ',' || word === '&' || empty.has(word) || word === '#') continue
    content.push({ word, joint })
    joint = ''
  }
  return content
}

function languageOf(tokens: readonly Token[]): 'english' | 'other' {
  let score = 0
  for (const { kind, text } of tokens) {
    if (kind !== 'word') continue
    if (/[^\p{Script=Latin}\p{M}']/u.test(text)) return 'other'
    if (english.has(text)) score += 1
    else if (foreign.has(text)) score -= 1
  }
  return score < 0 ? 'other' : 'english'
}

function timesOf(
  tokens: readonly Token[],
  quantities: ReadonlySet<number>,
): { calendar: ReadonlySet<string>; isRelative: boolean } {
  const calendar = new Set<string>()
  let isRelative = false
  tokens.forEach((token, at) => {
    const before = tokens[at - 1]
    const after = tokens[at + 1]
    const { text } = token
    if (ambiguousMonths.has(text)) {
      const isNumbered = before?.kind === 'number' || after?.kind === 'number'
      const isNamed = isCapital(token) && !token.isFirst
      if (isNumbered || isNamed) calendar.add(text)
    } else if (calendarWords.has(text)) calendar.add(text.slice(0, text.length > 4 ? 6 : 3))
    if (relativeTimes.has(text)) isRelative = true
    const unit = units.get(text) ?? text
    const isThis = thisTime.has(before?.text ?? '') && timeUnits.has(unit)
    if (isThis && !quantities.has(at)) isRelative = true
    if (text === 'current') isRelative = true
    if (text === 'moment' && before?.text === 'the') isRelative = true
    if (calendarWords.has(text) && thisTime.has(before?.text ?? '')) isRelative = true
  })
  return { calendar, isRelative }
}

function isCapital(token: Token): boolean {
  return token.raw !== token.text && token.text !== 'i'
}

function namesOf(tokens: readonly Token[]): Pick<ReadText, 'names' | 'perhapsNames' | 'shouted'> {
  const words = tokens.filter((token) => token.kind === 'word')
  const isShouted = words.every((token) => token.raw === token.raw.toUpperCase())
  if (isShouted) return { names: [], perhapsNames: [], shouted: [] }
  const named = words.filter(isCapital)
  return {
    names: named.filter((token) => !token.isFirst).map((token) => token.text),
    perhapsNames: named.filter((token) => token.isFirst).map((token) => token.text),
    shouted: shoutedOf(words),
  }
}

/** Words that are another thing in capitals. */
const namesToo = new Set([...english, 'us', 'am', 'as', 'he', 'id', 'no', 'so'])

function shoutedOf(words: readonly Token[]): string[] {
  return words.flatMap((token, at) => {
    const { raw, text } = token
    if (raw.length < 2 || raw !== raw.toUpperCase() || !namesToo.has(text)) return []
    return [`${text} ${words.slice(0, at).filter((before) => before.text === text).length}`]
  })
}

function negationsOf(words: readonly string[]): string[] {
  return words.flatMap((word, at) => {
    if (!negations.has(word)) return []
    const next = words.slice(at + 1).find((each) => !empty.has(each) && each !== '#')
    return [`${word} ${next ?? ''}`]
  })
}

function personsOf(words: readonly string[]): Set<string> {
  const persons = new Set<string>()
  for (const word of words) {
    if (word === 'you' || word === 'yourself') persons.add('you')
    else if (word === 'your' || word === 'yours') persons.add('your')
    else if (word === 'my' || word === 'our' || word === 'mine') persons.add('my')
    else if (word === 'i' || word === 'we' || word === 'me' || word === 'us') persons.add('i')
    else if (thirdPerson.has(word)) persons.add(word.slice(0, 2))
  }
  return persons
}

function rolesOf(words: readonly string[]): string[] {
  const roles: string[] = []
  words.forEach((word, at) => {
    // "into" has become "to".
    const isTo = word === 'to' && !infinitiveLeads.has(words[at - 1] ?? 'to')
    if (!directions.has(word) && !isTo) return
    const object = words.slice(at + 1).find((each) => !empty.has(each))
    if (object !== undefined) roles.push(`${word} ${object}`)
  })
  return roles
}
