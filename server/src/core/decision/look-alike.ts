// Texts that look the same and are not: full-width letters, Cyrillic or Greek letters between Latin
// ones, invisible characters, composed and decomposed accents. A comparison that such a text would
// slip past is an error, so that the rule denies.

/** Longer texts are not judged: the time that a comparison takes stays bounded. */
const LENGTH_MAX = 100_000

/** Printable ASCII without white space at its ends or twice in a row: nothing can hide in it. */
const PLAIN = /^(?:[\x21-\x7e]|[\x21-\x7e][\x20-\x7e]*[\x21-\x7e])?$/

/** Letters of other scripts that cannot be told from these; what NFKC maps is not listed. */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  A: 'АΑᎪ',
  B: 'ВΒᏴ',
  C: 'СϹᏟ',
  D: 'ᎠⅮ',
  E: 'ЕΕᎬ',
  F: 'Ϝ',
  G: 'ԌᏀ',
  H: 'НΗᎻ',
  I: 'ІΙӀǀ',
  J: 'ЈᎫͿ',
  K: 'КΚᏦ',
  L: 'Ꮮ',
  M: 'МΜᎷϺ',
  N: 'Ν',
  O: 'ОΟՕ',
  P: 'РΡᏢ',
  Q: 'Ԛ',
  R: 'ᎡᏒ',
  S: 'ЅՏᏚ',
  T: 'ТΤᎢ',
  U: 'ՍԱ',
  V: 'ѴᏙ',
  W: 'ԜᎳ',
  X: 'ХΧ',
  Y: 'УΥҮ',
  Z: 'ΖᏃ',
  a: 'аɑα',
  b: 'ЬᏏ',
  c: 'сϲ',
  d: 'ԁᏧ',
  e: 'еҽ',
  f: 'ẝ',
  g: 'ɡց',
  h: 'һհ',
  i: 'іıɩι',
  j: 'јϳ',
  k: 'κк',
  l: 'ⅼӏ',
  m: 'ⅿ',
  n: 'ոп',
  o: 'оοօσ',
  p: 'рρ',
  q: 'ԛգ',
  r: 'г',
  s: 'ѕ',
  t: 'т',
  u: 'սυц',
  v: 'ѵν',
  w: 'ԝѡա',
  x: 'хχ',
  y: 'уүγ',
  z: 'ᴢ',
  '-': '‐‑‒–—−',
  "'": '‘’ʼ′',
  '"': '“”″',
  '/': '⁄∕',
  '.': '․',
  ',': '‚',
  ':': '։∶',
  '*': '∗',
}

const letters: ReadonlyMap<string, string> = new Map(
  Object.entries(LOOK_ALIKES).flatMap(([plain, others]) =>
    Array.from(other(others), (letter): [string, string] => [letter, plain]),
  ),
)

function other(text: string): string {
  return text.normalize('NFC')
}

/** First digits of the scripts whose digits people write; each is followed by the other nine. */
const ZEROS = [0x0660, 0x06f0, 0x0966, 0x09e6, 0x0e50]

/**
 * The text as a reader sees it: compatibility forms (NFKC), look-alike letters and digits as the
 * ASCII ones, nothing invisible, white space as single spaces. Case stays. Throws a RangeError for
 * more than 100,000 characters.
 */
export function foldText(text: string): string {
  if (PLAIN.test(text)) return text
  if (text.length > LENGTH_MAX) {
    throw new RangeError(`a text is compared that has more than ${LENGTH_MAX} characters`)
  }
  let folded = ''
  for (const letter of text.normalize('NFKC')) folded += letters.get(letter) ?? foldDigit(letter)
  return folded
    .replaceAll(/\s+/gu, ' ')
    .replaceAll(/[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}]/gu, '')
    .trim()
}

function foldDigit(letter: string): string {
  const code = letter.codePointAt(0) ?? 0
  if (code < 0x0660) return letter
  const zero = ZEROS.find((each) => code >= each && code < each + 10)
  return zero === undefined ? letter : String(code - zero)
}

export type TextTest = 'equals' | 'startsWith' | 'endsWith' | 'contains'

/** Whether a text passes a test only for the eye: the test has said no, and a reader would say yes. */
export function onlyLooks(test: TextTest, text: string, wanted: string): boolean {
  if (PLAIN.test(text) && PLAIN.test(wanted)) return false
  const seen = foldText(text)
  const seenWanted = foldText(wanted)
  // Case is nothing that hides: `Köln` is not `köln`, and everybody sees it.
  if (holds(test, text.toLowerCase(), wanted.toLowerCase())) return false
  if (seenWanted === '') return false
  return holds(test, seen.toLowerCase(), seenWanted.toLowerCase())
}

function holds(test: TextTest, text: string, wanted: string): boolean {
  return test === 'equals'
    ? text === wanted
    : test === 'contains'
      ? text.includes(wanted)
      : text[test](wanted)
}
