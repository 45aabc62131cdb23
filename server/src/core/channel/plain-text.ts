// Words of tools, rules and agents, as they may stand in a message to people.

/** Controls, line ends, marks that turn the direction of text, and what cannot be seen. */
const unseen =
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  /[\u0000-\u001F\u007F-\u009F\u00AD\u061C\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB]/g

/** One line of at most `charactersMax`; longer text ends in `…`. */
export function plainText(text: string, charactersMax: number): string {
  const clean = text.toWellFormed().replaceAll(unseen, ' ').trim()
  if (clean.length <= charactersMax) return clean
  return `${clean.slice(0, charactersMax - 1).toWellFormed()}…`
}
