// Sets members of a JSON object in its text. Everything else stays byte for byte as the client sent
// it: parsing and writing anew would round numbers that a double does not hold.

/**
 * A value is JSON text. In an object that is there already, `nested` members are set instead. Of a
 * list the elements at the indexes of `dropped` are left out.
 */
export type Member =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly nested: readonly Member[] }
  | { readonly name: string; readonly dropped: ReadonlySet<number> }

/** `text` must be a valid JSON object. A name that occurs twice is set in both places. */
export function setMembers(text: string, members: readonly Member[]): string {
  const places = findMembers(text)
  const edits: { from: number; to: number; value: string }[] = []
  const added: string[] = []
  for (const member of members) {
    const found = places.filter((place) => place.name === member.name)
    for (const { from, to } of found) {
      edits.push({ from, to, value: valueOf(member, text.slice(from, to)) })
    }
    if (found.length === 0) added.push(`${JSON.stringify(member.name)}:${valueOf(member, '')}`)
  }
  const close = text.lastIndexOf('}')
  const comma = places.length > 0 && added.length > 0 ? ',' : ''
  edits.push({ from: close, to: close, value: `${comma}${added.join(',')}` })
  let edited = text
  for (const { from, to, value } of edits.toSorted((a, b) => b.from - a.from)) {
    edited = `${edited.slice(0, from)}${value}${edited.slice(to)}`
  }
  return edited
}

/** The names of the outermost members, in their order; one that occurs twice is there twice. */
export function memberNames(text: string): string[] {
  return findMembers(text).map(({ name }) => name)
}

function valueOf(member: Member, before: string): string {
  if ('value' in member) return member.value
  if ('dropped' in member) return dropElements(before, member.dropped)
  return setMembers(before.startsWith('{') ? before : '{}', member.nested)
}

function dropElements(list: string, dropped: ReadonlySet<number>): string {
  if (!list.startsWith('[')) return list
  const kept: string[] = []
  let at = skipSpace(list, 1)
  for (let index = 0; at < list.length && list[at] !== ']'; index += 1) {
    const end = valueEnd(list, at)
    if (!dropped.has(index)) kept.push(list.slice(at, end))
    at = skipSpace(list, end)
    if (list[at] === ',') at = skipSpace(list, at + 1)
  }
  return `[${kept.join(',')}]`
}

type Place = { readonly name: string; readonly from: number; readonly to: number }

/** Where the values of the outermost object lie. */
function findMembers(text: string): Place[] {
  const places: Place[] = []
  let at = skipSpace(text, text.indexOf('{') + 1)
  while (text[at] === '"') {
    const nameEnd = stringEnd(text, at)
    const name = String(JSON.parse(text.slice(at, nameEnd)))
    const from = skipSpace(text, skipSpace(text, nameEnd) + 1)
    const to = valueEnd(text, from)
    places.push({ name, from, to })
    at = skipSpace(text, to)
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return places
}

function skipSpace(text: string, start: number): number {
  let at = start
  while (at < text.length && ' \t\n\r'.includes(text.charAt(at))) at += 1
  return at
}

/** The index after the closing quote of the string that opens at `start`. */
function stringEnd(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function valueEnd(text: string, start: number): number {
  let depth = 0
  let at = start
  while (at < text.length) {
    const character = text.charAt(at)
    if (character === '"') {
      at = stringEnd(text, at)
      if (depth === 0) return at
      continue
    }
    if (character === '{' || character === '[') depth += 1
    else if (character === '}' || character === ']') {
      if (depth === 0) return at
      depth -= 1
      if (depth === 0) return at + 1
    } else if (depth === 0 && ', \t\n\r'.includes(character)) return at
    at += 1
  }
  return at
}
