// From a tool's JSON Schema to CEL types, and from JSON values to CEL values. What does not fit its
// type is handed on as it is: the evaluator then refuses it, and an erring rule denies.
import type { Environment } from '@marcbachmann/cel-js'
import type { JsonSchemaObject } from '../pact/compiled.ts'

const DEPTH_MAX = 8

/**
 * Two loops inside one another over a list of this length take some ten milliseconds, and no more.
 */
const ITEMS_MAX = 300

/** Names that mean something to every JavaScript object; no rule can read such an argument. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

export type ArgumentType = {
  readonly type: string
  readonly read: (value: unknown) => unknown
  /** The JSON Schema of each property, when the type is an object of known properties. */
  readonly properties: ReadonlyMap<string, JsonSchemaObject> | undefined
}

type Registration = { readonly environment: Environment; readonly nextName: () => string }

/** Declares `args` of one tool in an environment and answers how to read arguments for it. */
export function declareArguments(
  environment: Environment,
  inputSchema: JsonSchemaObject,
): (args: Readonly<Record<string, unknown>>, names: readonly string[]) => object {
  let count = 0
  const registration = {
    environment,
    nextName: () => {
      count += 1
      return `Args${count}`
    },
  }
  const types = propertyTypes(schemaProperties(inputSchema) ?? new Map(), registration, 0)
  const Args = fieldsClass()
  const fields = Object.fromEntries([...types].map(([name, { type }]) => [name, type]))
  environment.registerType('Args', { ctor: Args, fields })
  environment.registerVariable('args', 'Args')
  return (args, names) => new Args(readFields(args, types, names))
}

/** The properties of an object schema; undefined when it declares none. */
export function schemaProperties(
  schema: JsonSchemaObject,
): ReadonlyMap<string, JsonSchemaObject> | undefined {
  const properties = schema['properties']
  if (!isSchema(properties)) return undefined
  const entries = Object.entries(properties).filter(([name]) => !RESERVED_NAMES.has(name))
  return new Map(entries.map(([name, child]) => [name, isSchema(child) ? child : {}]))
}

export function isSchema(value: unknown): value is JsonSchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function propertyTypes(
  properties: ReadonlyMap<string, JsonSchemaObject>,
  registration: Registration,
  depth: number,
): ReadonlyMap<string, ArgumentType> {
  return new Map(
    [...properties].map(([name, schema]) => [name, typeOf(schema, registration, depth + 1)]),
  )
}

const dynamic: ArgumentType = { type: 'dyn', read: readAnything, properties: undefined }

/**
 * Without a schema a value stays as it is, but no list in it may be longer than a rule can walk.
 */
function readAnything(value: unknown): unknown {
  if (typeof value === 'number') return readNumber(value)
  if (typeof value !== 'object' || value === null) return value
  const children: unknown[] = Array.isArray(value) ? value : Object.values(value)
  checkSize(children.length)
  for (const child of children) readAnything(child)
  return value
}

/** The error becomes the rule's, and an erring rule denies. */
function checkSize(length: number): void {
  if (length > ITEMS_MAX) throw new RangeError(`an argument has more than ${ITEMS_MAX} items`)
}

function plain(type: string): ArgumentType {
  return { type, read: (value) => value, properties: undefined }
}

/** Larger doubles have gaps of more than one; the product of a few of them would be infinite. */
function readNumber(value: unknown): unknown {
  if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw new RangeError('a number passes 2^53 and cannot be judged exactly')
  }
  return value
}

/** JSON has one number; the schema says which of CEL's two it is. */
function readInteger(value: unknown): unknown {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
}

function typeOf(schema: JsonSchemaObject, registration: Registration, depth: number): ArgumentType {
  if (depth > DEPTH_MAX) return dynamic
  switch (schema['type']) {
    case 'string':
      return plain('string')
    case 'boolean':
      return plain('bool')
    case 'number':
      return { type: 'double', read: readNumber, properties: undefined }
    case 'integer':
      return { type: 'int', read: readInteger, properties: undefined }
    case 'array':
      return listType(schema, registration, depth)
    case 'object':
      return objectType(schema, registration, depth)
    case undefined: {
      const values: unknown = schema['enum']
      const isText = Array.isArray(values) && values.every((value) => typeof value === 'string')
      return isText || typeof schema['const'] === 'string' ? plain('string') : dynamic
    }
    default:
      return dynamic
  }
}

function listType(
  schema: JsonSchemaObject,
  registration: Registration,
  depth: number,
): ArgumentType {
  const items = schema['items']
  const item = isSchema(items) ? typeOf(items, registration, depth + 1) : dynamic
  const read = (value: unknown): unknown => {
    if (!Array.isArray(value)) return value
    checkSize(value.length)
    return value.map((element) => item.read(element))
  }
  return { type: `list<${item.type}>`, read, properties: undefined }
}

function objectType(
  schema: JsonSchemaObject,
  registration: Registration,
  depth: number,
): ArgumentType {
  const properties = schemaProperties(schema)
  if (properties === undefined || properties.size === 0) return mapType(schema, registration, depth)
  const types = propertyTypes(properties, registration, depth)
  const Args = fieldsClass()
  const type = registration.nextName()
  const fields = Object.fromEntries([...types].map(([name, child]) => [name, child.type]))
  registration.environment.registerType(type, { ctor: Args, fields })
  const names = [...types.keys()]
  const read = (value: unknown): unknown =>
    isSchema(value) ? new Args(readFields(value, types, names)) : value
  return { type, read, properties }
}

function mapType(
  schema: JsonSchemaObject,
  registration: Registration,
  depth: number,
): ArgumentType {
  const values = schema['additionalProperties']
  const value = isSchema(values) ? typeOf(values, registration, depth + 1) : dynamic
  const read = (map: unknown): unknown => {
    if (!isSchema(map)) return map
    const entries = Object.entries(map)
    checkSize(entries.length)
    return new Map(entries.map(([key, element]) => [key, value.read(element)]))
  }
  return { type: `map<string, ${value.type}>`, read, properties: undefined }
}

/** A class for each object schema, because CEL tells types apart by constructor. */
function fieldsClass() {
  // oxlint-disable-next-line typescript/no-extraneous-class -- the class is what tells types apart
  return class {
    constructor(values: Readonly<Record<string, unknown>>) {
      Object.assign(this, values)
    }
  }
}

function readFields(
  from: Readonly<Record<string, unknown>>,
  types: ReadonlyMap<string, ArgumentType>,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  const values: Record<string, unknown> = {}
  for (const name of names) {
    const type = types.get(name)
    if (type !== undefined && Object.hasOwn(from, name)) values[name] = type.read(from[name])
  }
  return values
}
