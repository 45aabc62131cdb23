// How OpenAPI writes an argument into a path, a query, a header or a form: `style` and `explode`.
export type ParameterStyle = {
  readonly style:
    | 'simple'
    | 'label'
    | 'matrix'
    | 'form'
    | 'spaceDelimited'
    | 'pipeDelimited'
    | 'deepObject'
  readonly explode: boolean
  /** Leaves the reserved characters of RFC 3986 as they are, but for those that end a value. */
  readonly allowReserved: boolean
}

export type Pair = readonly [name: string, value: string]

/** A value that cannot be written where it should stand. */
export class Unwritable extends Error {
  override readonly name = 'Unwritable'
}

const depthMax = 8
const pairsMax = 1000

type Fields = readonly (readonly [string, unknown])[]
type Encode = (text: string) => string

/** Of a path parameter, percent-encoded: `5`, `.5`, `;id=5`. Throws `Unwritable`. */
export function writePath(name: string, value: unknown, how: ParameterStyle): string {
  const key = encode(name)
  const { style, explode } = how
  if (style === 'label') return `.${joined(value, { explode, separator: explode ? '.' : ',' })}`
  if (style !== 'matrix') return joined(value, { explode, separator: ',' })
  const fields = fieldsOf(value)
  if (!explode || fields === undefined) {
    if (!explode || !Array.isArray(value)) return `;${key}=${joined(value, plainCommas)}`
    return value.map((item) => `;${key}=${encode(scalar(item))}`).join('')
  }
  return fields.map(([field, item]) => `;${encode(field)}=${encode(scalar(item))}`).join('')
}

/** Of a header: `5`, `3,4`, `R=100,G=200`. Nothing is encoded. Throws `Unwritable`. */
export function writeHeader(value: unknown, how: ParameterStyle): string {
  return joined(value, { explode: how.explode, separator: ',', encode: (text) => text })
}

/** Of a query or a form, percent-encoded; none for an empty list. Throws `Unwritable`. */
export function writePairs(name: string, value: unknown, how: ParameterStyle): readonly Pair[] {
  const encodeValue = how.allowReserved ? encodeReserved : encode
  const key = encode(name)
  const fields = fieldsOf(value)
  if (how.style === 'deepObject') {
    const pairs: Pair[] = []
    addDeep(pairs, { key, value, depth: 0, encodeValue })
    return pairs
  }
  if (fields === undefined && !Array.isArray(value)) return [[key, encodeValue(scalar(value))]]
  const items: readonly unknown[] = Array.isArray(value) ? value : (fields ?? [])
  if (items.length === 0) return []
  if (items.length > pairsMax) throw new Unwritable(`may have ${pairsMax} items`)
  if (how.explode && how.style === 'form') {
    return fields === undefined
      ? items.map((item) => [key, encodeValue(scalar(item))])
      : fields.map(([field, item]) => [encode(field), encodeValue(scalar(item))])
  }
  if (how.explode && fields === undefined) {
    return items.map((item) => [key, encodeValue(scalar(item))])
  }
  const separator = separators[how.style] ?? ','
  return [[key, joined(value, { explode: false, separator, encode: encodeValue })]]
}

const separators: Readonly<Record<string, string>> = { spaceDelimited: '%20', pipeDelimited: '%7C' }
const plainCommas = { explode: false, separator: ',' }

function joined(
  value: unknown,
  how: { readonly explode: boolean; readonly separator: string; readonly encode?: Encode },
): string {
  const write = how.encode ?? encode
  const fields = fieldsOf(value)
  if (fields !== undefined) {
    const between = how.explode ? '=' : how.separator
    return fields
      .map(([field, item]) => `${write(field)}${between}${write(scalar(item))}`)
      .join(how.separator)
  }
  if (!Array.isArray(value)) return write(scalar(value))
  if (value.length > pairsMax) throw new Unwritable(`may have ${pairsMax} items`)
  return value.map((item) => write(scalar(item))).join(how.separator)
}

/** `filter[status]=open`, `expand[0]=customer`: what APIs in practice understand, to any depth. */
function addDeep(
  pairs: Pair[],
  one: { key: string; value: unknown; depth: number; encodeValue: Encode },
): void {
  const { key, value, depth, encodeValue } = one
  if (depth > depthMax) throw new Unwritable(`may be nested ${depthMax} levels deep`)
  if (pairs.length > pairsMax) throw new Unwritable(`may have ${pairsMax} items`)
  const children: Fields | undefined = Array.isArray(value)
    ? value.map((item: unknown, index): [string, unknown] => [String(index), item])
    : fieldsOf(value)
  if (children === undefined) {
    pairs.push([key, encodeValue(scalar(value))])
    return
  }
  for (const [field, item] of children) {
    addDeep(pairs, { key: `${key}[${encode(field)}]`, value: item, depth: depth + 1, encodeValue })
  }
}

function fieldsOf(value: unknown): Fields | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return Object.entries(value)
}

function scalar(value: unknown): string {
  if (typeof value === 'string') {
    if (value.isWellFormed()) return value
    throw new Unwritable('holds a lone surrogate')
  }
  if (typeof value === 'number' && Number.isFinite(value)) return plainNumber(value)
  if (typeof value === 'boolean') return String(value)
  throw new Unwritable(`cannot hold ${value === null ? 'null' : 'a value nested so deep'} here`)
}

/** Without an exponent while JavaScript can say so: `1e21` is no number to many an API. */
function plainNumber(value: number): string {
  return Number.isInteger(value) ? BigInt(value).toString() : String(value)
}

/** All but the unreserved characters of RFC 3986. */
export function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** `&`, `=`, `+`, `#` and brackets would end or change the value, so they are encoded all the same. */
function encodeReserved(text: string): string {
  return encode(text).replaceAll(/%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/g, decodeURIComponent)
}
