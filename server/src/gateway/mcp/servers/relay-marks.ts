// What of a client a tool server may ask for, one letter each. A client of revision 2025-11-25 says
// it once, in its handshake; the letters go along in its `Mcp-Session-Id`, so that nothing has to be
// kept. A client that changes them only speaks for itself, and the manifest narrows them again.
import type { ClientCapabilities } from '@modelcontextprotocol/client'

export type RelayKind = 'sampling' | 'elicitation' | 'roots'

/** In alphabetical order, which is the order of marks. */
const marksOfKind: Readonly<Record<RelayKind, readonly string[]>> = {
  sampling: ['c', 's', 't'],
  elicitation: ['e', 'u'],
  roots: ['r'],
}

/** What the client has. An elicitation that names no mode is the form, as before there were modes. */
export function marksOf(capabilities: ClientCapabilities | undefined): string {
  const { sampling, elicitation, roots } = capabilities ?? {}
  const hasForm =
    elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined)
  const has: Readonly<Record<string, boolean>> = {
    c: sampling?.context !== undefined,
    e: hasForm,
    r: roots !== undefined,
    s: sampling !== undefined,
    t: sampling?.tools !== undefined,
    u: elicitation?.url !== undefined,
  }
  return Object.keys(has)
    .filter((mark) => has[mark] === true)
    .join('')
}

/** Those of the marks that the manifest relays; anything else in the text is left out. */
export function narrowMarks(marks: string, relay: readonly RelayKind[] | undefined): string {
  const relayed = allMarks(relay).split('')
  return relayed.filter((mark) => marks.includes(mark)).join('')
}

/** All that the manifest relays. */
export function allMarks(relay: readonly RelayKind[] | undefined): string {
  const marks = (relay ?? []).flatMap((kind) => marksOfKind[kind])
  return [...new Set(marks)].toSorted().join('')
}

export function capabilitiesOf(marks: string): ClientCapabilities {
  const has = (mark: string): boolean => marks.includes(mark)
  return {
    ...(has('s')
      ? { sampling: { ...(has('c') ? { context: {} } : {}), ...(has('t') ? { tools: {} } : {}) } }
      : {}),
    ...(has('e') || has('u')
      ? { elicitation: { ...(has('e') ? { form: {} } : {}), ...(has('u') ? { url: {} } : {}) } }
      : {}),
    ...(has('r') ? { roots: {} } : {}),
  }
}

const separator = '.'

/** The name of a client that has these marks. */
export function nameClient(name: string, marks: string): string {
  return marks === '' ? name : `${name}${separator}${marks}`
}

/** The marks in the name of a client; none where it has none. */
export function marksInName(name: string): string {
  const end = name.lastIndexOf(separator)
  return end === -1 ? '' : name.slice(end + 1)
}
