// `retail/get_*`: how a rule names tools and models, and how a prompt's fixed parts are found in a
// text.

/** A matcher of names; `*` stands for any run of characters. */
export function compileGlob(pattern: string): (name: string) => boolean {
  const parts = pattern.split('*')
  return (name) => matchesParts(name, parts)
}

/**
 * Whether a text is these fixed parts with anything between them. The first part must begin the
 * text and the last must end it; those between are found leftmost, one after another. That is exact
 * for gaps that stand for any text, and there is nothing to backtrack into.
 */
export function matchesParts(text: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? ''
  const last = parts[parts.length - 1] ?? ''
  if (parts.length < 2) return text === first
  if (text.length < first.length + last.length) return false
  if (!text.startsWith(first) || !text.endsWith(last)) return false
  const end = text.length - last.length
  let at = first.length
  for (let index = 1; index < parts.length - 1; index += 1) {
    const part = parts[index] ?? ''
    const found = text.indexOf(part, at)
    if (found === -1 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}
