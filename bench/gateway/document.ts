// Puts measured figures between two markers of a document and leaves the rest alone.

/** Throws when the document does not have the two markers once each, in order. */
export function replaceMarked(document: string, name: string, content: string): string {
  const begin = `<!-- ${name}: begin -->`
  const end = `<!-- ${name}: end -->`
  const parts = document.split(begin)
  const [before, rest] = parts
  const after = rest?.split(end)
  if (parts.length !== 2 || before === undefined || after?.length !== 2) {
    throw new Error(`the document needs "${begin}" and "${end}", once each`)
  }
  return `${before}${begin}\n\n${content.trim()}\n\n${end}${after[1]}`
}
