// What a signature covers (RFC 9421, section 2): a component is a field or a derived part of the
// message, named as a structured-field string with parameters.
import { type Item, serializeItem } from 'structured-headers'
import { AirworthyError } from '../errors.ts'

export type Component = {
  /** `@method`, or a field's name in lower case. */
  readonly name: string
  /** The member of a dictionary field. */
  readonly key: string | undefined
  /** The parameter of the query, of `@query-param` only. */
  readonly queryName: string | undefined
  /** In a response: it is of the request that is answered. */
  readonly isOfRequest: boolean
  /** As it stands in the signature base. */
  readonly text: string
}

const derivedNames = new Set([
  '@method',
  '@target-uri',
  '@authority',
  '@scheme',
  '@request-target',
  '@path',
  '@query',
  '@query-param',
  '@status',
])
const fieldName = /^[a-z0-9!#$%&'*+.^_`|~-]{1,256}$/

/**
 * Reads the covered components of a signature. Throws `signature.component_unknown` for a component
 * or a parameter that is not known here, `signature.malformed` for one that is there twice.
 */
export function readComponents(items: readonly Item[]): Component[] {
  const components = items.map(readComponent)
  if (new Set(components.map(({ text }) => text)).size < components.length) {
    throw new AirworthyError('signature.malformed', 'a component is covered twice')
  }
  return components
}

/** A component that this side covers. The name must be a known one; the key a dictionary's. */
export function createComponent(
  name: string,
  options: { readonly isOfRequest?: boolean; readonly key?: string } = {},
): Component {
  const { key, isOfRequest = false } = options
  const ofRequest = isOfRequest ? ';req' : ''
  const member = key === undefined ? '' : `;key="${key}"`
  return { name, key, queryName: undefined, isOfRequest, text: `"${name}"${ofRequest}${member}` }
}

function readComponent(item: Item): Component {
  const [name, parameters] = item
  if (typeof name !== 'string') {
    throw new AirworthyError('signature.malformed', 'a covered component is no string')
  }
  const isDerived = name.startsWith('@')
  if (isDerived ? !derivedNames.has(name) : !fieldName.test(name)) {
    throw unknown(`the component ${JSON.stringify(name.slice(0, 100))}`)
  }
  let [key, queryName, isOfRequest]: [string?, string?, boolean?] = []
  for (const [parameter, value] of parameters) {
    if (parameter === 'req' && value === true) isOfRequest = true
    else if (parameter === 'key' && !isDerived && typeof value === 'string') key = value
    else if (parameter === 'name' && name === '@query-param' && typeof value === 'string') {
      queryName = value
    } else throw unknown(`the parameter ${parameter} of the component ${name}`)
  }
  if (name === '@query-param' && queryName === undefined) throw unknown('@query-param without name')
  return { name, key, queryName, isOfRequest: isOfRequest === true, text: serializeItem(item) }
}

function unknown(what: string): AirworthyError {
  return new AirworthyError('signature.component_unknown', `${what} is not known here`)
}
