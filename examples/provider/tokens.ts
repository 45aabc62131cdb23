// The fake's tokenizer: a token is four UTF-16 code units, and no surrogate pair is cut. It is no
// real one; it is a rule that a drill can count with, and never gives more tokens than bytes.

const unitsPerToken = 4

/** Tokens of a prompt's text. */
export function countTokens(text: string): number {
  return Math.ceil(text.length / unitsPerToken)
}

/** The tokens of an output, in order; joined they are the text. */
export function splitTokens(text: string): string[] {
  const tokens: string[] = []
  let from = 0
  while (from < text.length) {
    let to = Math.min(from + unitsPerToken, text.length)
    const isPairCut = /[\uD800-\uDBFF]/.test(text[to - 1] ?? '') && to < text.length
    if (isPairCut) to += 1
    tokens.push(text.slice(from, to))
    from = to
  }
  return tokens
}
