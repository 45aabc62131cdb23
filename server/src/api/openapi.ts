// The OpenAPI 3.1 document, made from the schemas that the operations parse with.
import { z } from 'zod'
import { errorTable, type ErrorCode, statusOf } from '../core/errors.ts'
import { errorPage } from './error-reply.ts'
import type { Operation } from './operation.ts'

type JsonObject = { [key: string]: unknown }

/** Codes that every operation with a key can answer. */
const commonErrors: readonly ErrorCode[] = [
  'auth.missing',
  'auth.unknown_key',
  'auth.revoked_key',
  'auth.forbidden',
  'auth.agent_key_refused',
  'request.invalid',
  'request.invalid_json',
  'request.too_large',
  'request.unsupported_media',
  'database.unreachable',
  'internal.unexpected',
]

/** Builds the document. Pure: the same operations give the same document. */
export function buildOpenApi(operations: readonly Operation[], version: string): JsonObject {
  const components = new Map<string, unknown>([['Error', errorSchema]])
  const paths: Record<string, JsonObject> = {}
  for (const operation of operations) {
    const path = (paths[operation.path] ??= {})
    path[operation.method.toLowerCase()] = describeOperation(operation, components)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Airworthy control API',
      version,
      description: 'Enrols agents, opens their sessions, decides holds, and reads the log.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ key: [] }],
    paths: { ...paths, '/healthz': healthPath },
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'An operator or launcher key.' },
      },
      schemas: Object.fromEntries([...components].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    },
  }
}

function describeOperation(operation: Operation, components: Map<string, unknown>): JsonObject {
  const { schemas } = operation
  return {
    operationId: operation.id,
    summary: operation.summary,
    description: `For ${operation.roles.map((role) => `${role}s`).join(' and ')}.`,
    parameters: [
      ...parametersOf('path', schemas.params, components),
      ...parametersOf('query', schemas.query, components),
    ],
    ...(schemas.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: json(convert(schemas.body, { io: 'input', components })),
          },
        }),
    responses: {
      '200': {
        description: 'Done.',
        content: json(convert(schemas.reply, { io: 'output', components })),
      },
      ...errorResponses([...commonErrors, ...operation.errors]),
    },
  }
}

function parametersOf(
  place: 'path' | 'query',
  schema: z.ZodType | undefined,
  components: Map<string, unknown>,
): JsonObject[] {
  if (schema === undefined) return []
  const converted = convert(schema, { io: 'input', components })
  const required = Array.isArray(converted['required']) ? converted['required'] : []
  const properties = isObject(converted['properties']) ? converted['properties'] : {}
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: property,
  }))
}

/** A zod schema as JSON Schema. Named parts become components of the document. */
function convert(
  schema: z.ZodType,
  options: { readonly io: 'input' | 'output'; readonly components: Map<string, unknown> },
): JsonObject {
  const whole = z.toJSONSchema(schema, { io: options.io, target: 'draft-2020-12' })
  const { $defs: parts, $schema: _, ...own } = rewrite(whole)
  if (isObject(parts)) {
    for (const [name, part] of Object.entries(parts)) options.components.set(name, withoutId(part))
  }
  const name = own['id']
  if (typeof name !== 'string') return own
  options.components.set(name, withoutId(own))
  return { $ref: `#/components/schemas/${name}` }
}

function withoutId(schema: unknown): unknown {
  if (!isObject(schema)) return schema
  const { id: _, ...rest } = schema
  return rest
}

/** zod points at `#/$defs/Name`; the document keeps its parts in `#/components/schemas/Name`. */
function rewrite(schema: object): JsonObject {
  const text = JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')
  const parsed: unknown = JSON.parse(text)
  return isObject(parsed) ? parsed : {}
}

function errorResponses(codes: readonly ErrorCode[]): JsonObject {
  const byStatus = Map.groupBy(new Set(codes), statusOf)
  return Object.fromEntries(
    [...byStatus].map(([status, grouped]) => [
      String(status),
      {
        description: grouped
          .map((code) => `\`${code}\`: ${errorTable[code].title} (${errorPage(code)}).`)
          .join(' '),
        content: json({ $ref: '#/components/schemas/Error' }),
      },
    ]),
  )
}

function json(schema: unknown): JsonObject {
  return { 'application/json': { schema } }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const errorSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'type', 'page'],
      properties: {
        code: { type: 'string', description: 'Stable: clients may branch on it.' },
        message: { type: 'string' },
        type: { const: 'airworthy_error' },
        detail: { type: 'object' },
        page: { type: 'string' },
      },
    },
  },
}

const healthPath = {
  get: {
    operationId: 'health',
    summary: 'Whether the server can do its work; needs no key',
    security: [],
    responses: { '200': { description: 'It can.' }, '503': { description: 'It cannot.' } },
  },
}
