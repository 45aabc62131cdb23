// A text cut into words, numbers, names of things and marks.

export type Token = {
  readonly kind: 'word' | 'number' | 'code' | 'mark'
  /** In small letters; an apostrophe is straight. */
  readonly text: string
  readonly raw: string
  /** Nothing but an opening mark stands before it in its sentence. */
  readonly isFirst: boolean
}

/** Longer texts are not read: they are compared whole. */
export const textCharactersMax = 4_000

const contractions: readonly (readonly [RegExp, string])[] = [
  [/\bwon't\b/g, 'will not'],
  [/\bcan't\b|\bcannot\b/g, 'can not'],
  [/\bshan't\b/g, 'shall not'],
  [/\blet's\b/g, 'let us'],
  [/(\w)n't\b/g, '$1 not'],
  [/\b(i)'m\b/g, '$1 am'],
  [/(\w)'re\b/g, '$1 are'],
  [/(\w)'ve\b/g, '$1 have'],
  [/(\w)'ll\b/g, '$1 will'],
  [/\b(i|you|he|she|it|we|they)'d\b/g, '$1 would'],
  // Whose it is: "the order's status" is the status of the order.
  [/\b(what|where|when|who|how|why|that|there|here|it|he|she)'s\b/g, '$1 is'],
]

const pieces = new RegExp(
  [
    String.raw`(?<code>https?:\/\/\S+|www\.\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+` +
      // Paths, options, names with digits, dots, underlines or capitals inside; versions; times.
      String.raw`|(?:~|\.{1,2})?(?:\/[\w.~-]+)+\/?|(?<![\w-])--?[a-zA-Z][\w-]*|@[\w-]+|#\w+` +
      String.raw`|[A-Za-z_]\w*(?:(?:\.|::|->)[A-Za-z_]\w*)+(?:\(\))?|[A-Za-z]\w*\(\)` +
      String.raw`|\w*[A-Za-z]\w*_\w*|_\w+|\w+(?:-\w+)*-?\d\w*(?:[.-]\w+)*(?<=[A-Za-z]\S*)|\d+[A-Za-z_]\w*(?:-\w+)*` +
      String.raw`|\d+(?:[:/.-]\d+){2,}|\d+[:/]\d+|\d+-\d+|[A-Za-z]+(?:\+\+|#))`,
    String.raw`(?<number>\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)`,
    String.raw`(?<word>[\p{L}\p{M}]+(?:'[\p{L}]+)*)`,
    String.raw`(?<mark>[^\s\p{L}\p{M}\d])`,
  ].join('|'),
  'gu',
)

/** As it is compared: one form of each character, quote and blank. */
export function normaliseText(text: string): string {
  return text
    .normalize('NFKC')
    .replaceAll(/[‘’‛′`´]/g, "'")
    .replaceAll(/[“”„‟″«»]/g, '"')
    .replaceAll(/[‐-―−]/g, '-')
    .replaceAll(/\s+/g, ' ')
    .trim()
}

export function tokenise(normalised: string): Token[] {
  const tokens: Token[] = []
  let isFirst = true
  for (const match of spellOut(normalised).matchAll(pieces)) {
    const raw = match[0]
    const { code, number, word } = match.groups ?? {}
    const kind = code ? 'code' : number ? 'number' : word ? 'word' : 'mark'
    tokens.push({ kind, text: raw.toLowerCase(), raw, isFirst })
    if (kind === 'mark') isFirst ||= /[.!?:]/.test(raw)
    else isFirst = false
  }
  return tokens
}

/** Contractions become two words; what is written in capitals keeps them. */
function spellOut(text: string): string {
  let spelt = text.replaceAll(/\bI'(?=m\b|ve\b|ll\b|d\b)/g, "i'")
  for (const [pattern, words] of contractions) {
    spelt = spelt.replaceAll(new RegExp(pattern.source, 'gi'), words)
  }
  // A closing full stop is no part of an address or a version.
  return spelt.replaceAll(/[.,;:!?]+(?=\s|$)/g, (marks) => ` ${marks}`)
}
