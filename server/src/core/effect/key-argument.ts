// The effect key as an argument of the tool's own: an idempotency key that the agent never sees.
import { sha256Hex } from '../canonical.ts'
import type { JsonSchemaObject } from '../pact/compiled.ts'

type Arguments = Readonly<Record<string, unknown>>

/** Hex SHA-256 cut to this is still no key that two effects share. */
const keyLengthMin = 32

/** What is wrong with an argument that shall take the key; undefined when it can. */
export function keyArgumentFault(
  inputSchema: JsonSchemaObject,
  argument: string,
): string | undefined {
  const schema = propertyOf(inputSchema, argument)
  if (schema === undefined) return 'an argument of the tool'
  if (schema['type'] !== 'string') return 'an argument that is a string'
  const { maxLength, pattern, format } = schema
  const others = schema['enum'] ?? schema['const'] ?? pattern
  if (others !== undefined) return 'an argument that takes any string'
  if (format !== undefined && format !== 'uuid') return 'an argument of the format uuid, or of none'
  if (typeof maxLength === 'number' && maxLength < keyLengthMin) {
    return `an argument that takes at least ${keyLengthMin} characters`
  }
  return undefined
}

/** The schema as the agent sees it: without the argument that Airworthy fills in. */
export function withoutArgument(
  inputSchema: JsonSchemaObject,
  argument: string | undefined,
): JsonSchemaObject {
  const properties = inputSchema['properties']
  if (argument === undefined || !isSchema(properties)) return inputSchema
  const { [argument]: _key, ...rest } = properties
  const required: unknown = inputSchema['required']
  if (!Array.isArray(required)) return { ...inputSchema, properties: rest }
  const names: unknown[] = required.filter((name) => name !== argument)
  return { ...inputSchema, properties: rest, required: names }
}

/** The arguments as they go upstream. The key keeps its words where the schema has room for them. */
export function withKeyArgument(
  args: Arguments,
  target: {
    readonly inputSchema: JsonSchemaObject
    readonly argument: string | undefined
    readonly key: string
  },
): Arguments {
  const { inputSchema, argument, key } = target
  if (argument === undefined) return args
  const schema = propertyOf(inputSchema, argument) ?? {}
  return { ...args, [argument]: fitKey(key, schema) }
}

function fitKey(key: string, schema: JsonSchemaObject): string {
  const digest = sha256Hex(key)
  if (schema['format'] === 'uuid') return uuidOf(digest)
  const { maxLength } = schema
  if (typeof maxLength !== 'number' || key.length <= maxLength) return key
  return digest.slice(0, maxLength)
}

/** RFC 9562 version 8: 122 bits of the digest. */
function uuidOf(digest: string): string {
  const variant = '89ab'.charAt(Number.parseInt(digest.charAt(16), 16) % 4)
  const groups = [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `8${digest.slice(13, 16)}`,
    `${variant}${digest.slice(17, 20)}`,
    digest.slice(20, 32),
  ]
  return groups.join('-')
}

function propertyOf(schema: JsonSchemaObject, name: string): JsonSchemaObject | undefined {
  const properties = schema['properties']
  if (!isSchema(properties) || !Object.hasOwn(properties, name)) return undefined
  const found = properties[name]
  return isSchema(found) ? found : undefined
}

function isSchema(value: unknown): value is JsonSchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
