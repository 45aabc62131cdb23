// From a schema of an OpenAPI document to a JSON Schema that stands alone. An input schema takes only
// what is declared: an object with properties takes no others, unless the document says it does.
import { canonicalJson } from '../../core/canonical.ts'
import { type ApiDocument, isObject, type JsonObject, target } from './document.ts'

/** What a schema is for: a request leaves out what is read-only, a reply what is write-only. */
export type SchemaUse = 'request' | 'reply'

/** Converts the schemas of one tool, which share their definitions. */
export type SchemaConverter = {
  readonly convert: (schema: unknown) => JsonObject
  /** What recursive schemas refer to; empty when there are none. To be `$defs` of the root. */
  readonly definitions: () => JsonObject
}

const nodesMax = 4000
const depthMax = 60

export class SchemaTooLarge extends Error {
  override readonly name = 'SchemaTooLarge'
}

/**
 * `references: 'inline'` writes each schema out where it is used, which rules and models read best,
 * and refers only where it recurs; `'shared'` refers wherever the document does. Converting throws
 * `SchemaTooLarge`, or a plain error for a reference that leads nowhere.
 */
export function schemaConverter(options: {
  readonly document: ApiDocument
  readonly use: SchemaUse
  readonly references: 'inline' | 'shared'
}): SchemaConverter {
  const definitions = new Map<string, JsonObject>()
  const state: State = { ...options, definitions, names: new Map(), left: { nodes: nodesMax } }
  return {
    convert: (schema) => convert(schema, state, top),
    definitions: () => Object.fromEntries(definitions),
  }
}

type State = {
  readonly document: ApiDocument
  readonly use: SchemaUse
  readonly references: 'inline' | 'shared'
  readonly definitions: Map<string, JsonObject>
  /** By reference: its name among the definitions. */
  readonly names: Map<string, string>
  readonly left: { nodes: number }
}

type Place = {
  readonly depth: number
  /** References on the way here: one of them again is recursion. */
  readonly within: readonly string[]
  /** A part of a composition: what it does not declare, another part may. */
  readonly isPart: boolean
}

const top: Place = { depth: 0, within: [], isPart: false }

function convert(schema: unknown, state: State, place: Place): JsonObject {
  state.left.nodes -= 1
  if (state.left.nodes < 0 || place.depth > depthMax) {
    throw new SchemaTooLarge(`its schema has more than ${nodesMax} parts or ${depthMax} levels`)
  }
  if (schema === false) return { not: {} }
  if (!isObject(schema)) return {}
  const { $ref: ref, ...rest } = schema
  if (typeof ref === 'string') return convertReference({ ref, rest, state, place })
  const written = state.document.is30 ? fromOpenApi30(schema) : schema
  const converted = compose(convertKeywords(written, state, place), place)
  if (state.use === 'reply') return withDigits(converted)
  return place.isPart ? converted : closed(converted)
}

/** In a reply an integer beyond 2^53 is a text of its digits (see `read-reply.ts`). */
function withDigits(schema: JsonObject): JsonObject {
  if (schema['type'] !== 'integer' || schema['format'] !== 'int64') return schema
  const { format: _int64, ...rest } = schema
  return { ...rest, type: ['integer', 'string'] }
}

function convertReference(options: {
  ref: string
  rest: JsonObject
  state: State
  place: Place
}): JsonObject {
  const { ref, rest, state, place } = options
  const isRecursive = place.within.includes(ref)
  // A part of a composition is written out: a definition is closed to what other parts declare.
  const isShared = state.references === 'shared' && place.depth > 0 && !place.isPart
  const within = [...place.within, ref]
  const referred =
    isRecursive || isShared
      ? define(ref, state)
      : convert(target(state.document, ref), state, { ...place, depth: place.depth + 1, within })
  const { description } = rest
  return typeof description === 'string' && !Object.hasOwn(referred, '$ref')
    ? { ...referred, description }
    : referred
}

function define(ref: string, state: State): JsonObject {
  const known = state.names.get(ref)
  if (known !== undefined) return { $ref: `#/$defs/${known}` }
  const last = ref.slice(ref.lastIndexOf('/') + 1).replaceAll(/[^A-Za-z0-9_.-]/g, '_')
  const taken = new Set(state.names.values())
  const name = taken.has(last) ? `${last}_${state.names.size}` : last
  state.names.set(ref, name)
  const place = { depth: 1, within: [ref], isPart: false }
  state.definitions.set(name, convert(target(state.document, ref), state, place))
  return { $ref: `#/$defs/${name}` }
}

/** Keywords that are taken as they are; a format only where Ajv knows it. */
const plainKeywords = new Set([
  'type',
  'enum',
  'const',
  'title',
  'description',
  'default',
  'multipleOf',
  'maximum',
  'exclusiveMaximum',
  'minimum',
  'exclusiveMinimum',
  'maxLength',
  'minLength',
  'pattern',
  'maxItems',
  'minItems',
  'uniqueItems',
  'maxProperties',
  'minProperties',
])
const formats = new Set([
  'date',
  'time',
  'date-time',
  'duration',
  'uri',
  'uri-reference',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'uuid',
  'byte',
  'int32',
  'int64',
  'float',
  'double',
  'password',
  'binary',
])
const schemaKeywords = new Set(['not', 'contains', 'propertyNames', 'if', 'then', 'else'])
const compositions = ['allOf', 'anyOf', 'oneOf'] as const

function convertKeywords(schema: JsonObject, state: State, place: Place): JsonObject {
  const inner: Place = { ...place, depth: place.depth + 1, isPart: false }
  const part: Place = { ...inner, isPart: true }
  const converted: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(schema)) {
    if (plainKeywords.has(key)) converted[key] = value
    else if (key === 'format' && typeof value === 'string' && formats.has(value)) {
      converted[key] = value
    } else if (key === 'items' || key === 'additionalProperties') {
      converted[key] = typeof value === 'boolean' ? value : convert(value, state, inner)
    } else if (schemaKeywords.has(key)) converted[key] = convert(value, state, part)
    else if ((key === 'properties' || key === 'patternProperties') && isObject(value)) {
      converted[key] = convertMap(value, state, inner)
    } else if (compositions.some((name) => name === key) && Array.isArray(value)) {
      converted[key] = value.map((one) => convert(one, state, part))
    }
  }
  const { required } = schema
  const dropped = droppedProperties(schema, state)
  if (Array.isArray(required)) {
    const kept = required.filter((name) => typeof name === 'string' && !dropped.has(name))
    if (kept.length > 0) converted['required'] = kept
  }
  return converted
}

function convertMap(properties: JsonObject, state: State, place: Place): JsonObject {
  const dropped = droppedProperties({ properties }, state)
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([name]) => name !== '__proto__' && !dropped.has(name))
      .map(([name, schema]) => [name, convert(schema, state, place)]),
  )
}

function droppedProperties(schema: JsonObject, state: State): ReadonlySet<string> {
  const { properties } = schema
  const mark = state.use === 'request' ? 'readOnly' : 'writeOnly'
  if (!isObject(properties)) return new Set()
  const names = Object.entries(properties).filter(
    ([, child]) => isObject(child) && child[mark] === true,
  )
  return new Set(names.map(([name]) => name))
}

/** `allOf` of plain objects is one object; properties beside alternatives belong to each of them. */
function compose(schema: JsonObject, place: Place): JsonObject {
  const { allOf, ...own } = schema
  const parts: unknown[] = Array.isArray(allOf) ? allOf : []
  const merged = parts.length === 0 ? own : (mergeObjects([own, ...parts]) ?? schema)
  for (const name of ['oneOf', 'anyOf'] as const) {
    const { [name]: alternatives, ...rest } = merged
    if (!Array.isArray(alternatives)) continue
    const hasOwn = isObject(rest['properties'])
    const written = alternatives.map((one: unknown) =>
      hasOwn ? mergeObjects([rest, one]) : isObject(one) ? one : {},
    )
    if (written.some((one) => one === undefined)) return merged
    const { title, description } = rest
    const kept = hasOwn ? (description === undefined ? {} : { title, description }) : rest
    const close = (one: JsonObject | undefined): JsonObject =>
      place.isPart ? (one ?? {}) : closed(one ?? {})
    return { ...kept, [name]: written.map(close) }
  }
  return merged
}

const objectKeywords = new Set(['type', 'properties', 'required', 'title', 'description'])

/** One object that asks for all that the parts ask for; undefined when they are not so simple. */
function mergeObjects(parts: readonly unknown[]): JsonObject | undefined {
  const properties = new Map<string, unknown>()
  const required = new Set<unknown>()
  let described: JsonObject = {}
  for (const part of parts) {
    if (!isObject(part)) return undefined
    if (Object.keys(part).some((key) => !objectKeywords.has(key))) return undefined
    if (part['type'] !== undefined && part['type'] !== 'object') return undefined
    for (const [name, schema] of Object.entries(
      isObject(part['properties']) ? part['properties'] : {},
    )) {
      const known = properties.get(name)
      const isSame = known === undefined || canonicalJson(known) === canonicalJson(schema)
      properties.set(name, isSame ? schema : { allOf: [known, schema] })
    }
    const names: unknown = part['required']
    for (const name of Array.isArray(names) ? names : []) required.add(name)
    const { title, description } = part
    described = {
      ...(title === undefined ? {} : { title }),
      ...(description === undefined ? {} : { description }),
      ...described,
    }
  }
  return {
    type: 'object',
    ...described,
    properties: Object.fromEntries(properties),
    ...(required.size === 0 ? {} : { required: [...required] }),
  }
}

/** An object that declares its properties takes no others, unless it says so. */
function closed(schema: JsonObject): JsonObject {
  const isDeclared = isObject(schema['properties']) && Object.keys(schema['properties']).length > 0
  const isOpen = ['additionalProperties', 'patternProperties', ...compositions].some((key) =>
    Object.hasOwn(schema, key),
  )
  return isDeclared && !isOpen ? { ...schema, additionalProperties: false } : schema
}

/** OpenAPI 3.0 wrote some keywords otherwise than JSON Schema. */
function fromOpenApi30(schema: JsonObject): JsonObject {
  const { nullable, exclusiveMinimum, exclusiveMaximum, minimum, maximum, ...rest } = schema
  const bounds = {
    ...(exclusiveMinimum === true ? { exclusiveMinimum: minimum } : definedOr({ minimum })),
    ...(exclusiveMaximum === true ? { exclusiveMaximum: maximum } : definedOr({ maximum })),
  }
  const written: JsonObject = { ...rest, ...bounds }
  if (nullable !== true || typeof written['type'] !== 'string') return written
  const values: unknown = written['enum']
  return {
    ...written,
    type: [written['type'], 'null'],
    ...(Array.isArray(values) && !values.includes(null) ? { enum: [...values, null] } : {}),
  }
}

function definedOr(bound: JsonObject): JsonObject {
  return Object.values(bound)[0] === undefined ? {} : bound
}
