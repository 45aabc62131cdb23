// From an operation of an OpenAPI document to one that can be called: its arguments, their schemas
// and their places in the request.
import type { Ajv } from 'ajv'
import { canonicalJson, sha256Hex } from '../../core/canonical.ts'
import { type SchemaConverter, schemaConverter, SchemaTooLarge } from './convert-schema.ts'
import { type ApiDocument, follow, isObject, type JsonObject, textOr } from './document.ts'
import type { BoundBody, BoundParameter, Operation } from './operation.ts'
import type { ParameterStyle } from './serialise.ts'

export type FoundOperation = {
  readonly name: string
  readonly method: Operation['method']
  readonly path: string
  /** The path item, whose parameters hold for all its operations. */
  readonly item: JsonObject
  readonly operation: JsonObject
}

const parametersMax = 200
const descriptionCharactersMax = 4000
const schemaCharactersMax = 200_000

/** Headers that frame or route the request, or say who is calling: never an argument. */
const reservedHeaders = new Set([
  'accept',
  'accept-encoding',
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'cookie',
  'cookie2',
  'date',
  'expect',
  'forwarded',
  'host',
  'http2-settings',
  'keep-alive',
  'origin',
  'proxy-authorization',
  'proxy-connection',
  'referer',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-url',
  'x-rewrite-url',
  'user-agent',
])

export function isReservedHeader(name: string): boolean {
  const lower = name.toLowerCase()
  return reservedHeaders.has(lower) || lower.startsWith('x-forwarded-') || lower.startsWith('sec-')
}

/**
 * Throws a plain error that says why the operation cannot be served. `ownHeaders` (small letters)
 * and `ownQuery` are what Airworthy sets itself.
 */
export function bindOperation(
  found: FoundOperation,
  context: {
    readonly document: ApiDocument
    readonly ownHeaders: ReadonlySet<string>
    readonly ownQuery: ReadonlySet<string>
    /** Compiles each input schema, as every call will need it. */
    readonly ajv: Ajv
  },
): Operation {
  checkPath(found.path)
  for (const references of ['inline', 'shared'] as const) {
    try {
      return bind(found, { ...context, references })
    } catch (thrown) {
      if (!(thrown instanceof SchemaTooLarge) || references === 'shared') throw thrown
    }
  }
  throw new Error('its schema is too large')
}

type BindContext = Parameters<typeof bindOperation>[1] & {
  readonly references: 'inline' | 'shared'
}

function bind(found: FoundOperation, context: BindContext): Operation {
  const { document, references } = context
  const { method, path, operation } = found
  const request = schemaConverter({ document, use: 'request', references })
  const body = bindBody(operation, document, request)
  const bound = bindParameters(found, { ...context, request, hasBody: body !== undefined })
  const properties = new Map(bound.map(({ parameter, schema }) => [parameter.argument, schema]))
  if (body !== undefined) properties.set(body.bound.argument, body.schema)
  const required = [
    ...bound
      .filter(({ parameter }) => parameter.required)
      .map(({ parameter }) => parameter.argument),
    ...(body?.isRequired === true ? [body.bound.argument] : []),
  ]
  const parameters = bound.map(({ parameter }) => parameter)
  // Where arguments go is no part of a schema, yet must be pinned with it: the comment stands for it.
  const wire = sha256Hex(canonicalJson({ method, path, parameters, body: body?.bound ?? null }))
  const definitions = request.definitions()
  const inputSchema = {
    $comment: `${method} ${path} sha256:${wire}`,
    type: 'object',
    properties: Object.fromEntries(properties),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
    ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions }),
  }
  checkInputSchema(inputSchema, context.ajv)
  const outputSchema = readOutputSchema(operation, context)
  const tool = {
    name: found.name,
    description: describe(found),
    inputSchema,
    ...(outputSchema === undefined ? {} : { outputSchema }),
  }
  return { method, path, parameters, body: body?.bound, tool }
}

/** The literal parts must be as they go on the wire: nothing that a URL would read otherwise. */
function checkPath(path: string): void {
  const sample = path.replaceAll(/\{[^{}]+\}/g, 'x')
  const url = `http://host${sample}`
  const isPlain = path.startsWith('/') && URL.canParse(url) && new URL(url).pathname === sample
  if (!isPlain) throw new Error(`its path ${path} is not written as it goes on the wire`)
}

function checkInputSchema(schema: JsonObject, ajv: Ajv): void {
  const { length } = JSON.stringify(schema)
  if (length > schemaCharactersMax) throw new SchemaTooLarge(`its schema has ${length} characters`)
  try {
    ajv.compile({ ...schema })
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`its schema is not valid: ${message}`, { cause })
  }
}

function describe({ operation, method, path }: FoundOperation): string {
  const parts = [operation['summary'], operation['description']].flatMap((part) =>
    typeof part === 'string' && part.trim() !== '' ? [part.trim()] : [],
  )
  const text = [...new Set(parts)].join('\n\n').slice(0, descriptionCharactersMax)
  return text.toWellFormed() === '' ? `${method} ${path}` : text.toWellFormed()
}

type Bound = { readonly parameter: BoundParameter; readonly schema: JsonObject }

function bindParameters(
  found: FoundOperation,
  context: BindContext & { readonly request: SchemaConverter; readonly hasBody: boolean },
): readonly Bound[] {
  const { document, hasBody } = context
  const merged = new Map<string, JsonObject>()
  for (const owner of [found.item, found.operation]) {
    const { parameters } = owner
    for (const one of Array.isArray(parameters) ? parameters : []) {
      const parameter = follow(document, one)
      if (parameter === undefined) continue
      merged.set(`${textOr(parameter['in'], '')} ${textOr(parameter['name'], '')}`, parameter)
    }
  }
  if (merged.size > parametersMax) throw new Error(`it has more than ${parametersMax} parameters`)
  const taken = new Set(hasBody ? [bodyArgument] : [])
  const bound = [...merged.values()].flatMap((parameter) =>
    bindParameter(parameter, { ...context, taken }),
  )
  const named = new Set(bound.map(({ parameter }) => `${parameter.in} ${parameter.name}`))
  for (const [, name = ''] of found.path.matchAll(/\{([^{}]*)\}/g)) {
    if (!named.has(`path ${name}`)) throw new Error(`its path has no parameter for {${name}}`)
  }
  return bound
}

const bodyArgument = 'body'

/** None for a parameter that is not the agent's to set; throws when the API cannot do without it. */
function bindParameter(
  parameter: JsonObject,
  context: BindContext & { readonly request: SchemaConverter; readonly taken: Set<string> },
): Bound[] {
  const name = textOr(parameter['name'], '')
  const place = parameter['in']
  const isRequired = parameter['required'] === true || place === 'path'
  const isOwn =
    (place === 'header' && context.ownHeaders.has(name.toLowerCase())) ||
    (place === 'query' && context.ownQuery.has(name))
  if (isOwn) return []
  const isServed =
    name !== '' &&
    (place === 'path' ||
      place === 'query' ||
      (place === 'header' && /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name) && !isReservedHeader(name)))
  if (!isServed) {
    // OpenAPI itself says that these three headers are not described by parameters.
    const isIgnored = /^(?:accept|content-type|authorization)$/i.test(name) && place === 'header'
    if (!isRequired || isIgnored) return []
    throw new Error(`it needs the ${textOr(place, '')} parameter ${name}, which is not served`)
  }
  const argument = nameArgument(name, place, context.taken)
  const { schema, isJson } = parameterSchema(parameter, context)
  const { description } = parameter
  const described =
    typeof description === 'string' && schema['description'] === undefined
      ? { ...schema, description }
      : schema
  const style = styleOf(parameter, place)
  return [
    {
      parameter: { argument, name, in: place, required: isRequired, isJson, ...style },
      schema: described,
    },
  ]
}

function parameterSchema(
  parameter: JsonObject,
  context: BindContext & { readonly request: SchemaConverter },
): { readonly schema: JsonObject; readonly isJson: boolean } {
  const { content } = parameter
  if (!isObject(content)) {
    return { schema: context.request.convert(parameter['schema'] ?? {}), isJson: false }
  }
  const [[type, media] = ['', undefined]] = Object.entries(content)
  const described = follow(context.document, media)
  return { schema: context.request.convert(described?.['schema'] ?? {}), isJson: isJsonType(type) }
}

const defaultStyles = { path: 'simple', query: 'form', header: 'simple' } as const
const stylesOf: Readonly<Record<BoundParameter['in'], readonly ParameterStyle['style'][]>> = {
  path: ['simple', 'label', 'matrix'],
  query: ['form', 'spaceDelimited', 'pipeDelimited', 'deepObject'],
  header: ['simple'],
}

function styleOf(from: JsonObject, place: BoundParameter['in']): ParameterStyle {
  const style = stylesOf[place].find((one) => one === from['style']) ?? defaultStyles[place]
  const explode = typeof from['explode'] === 'boolean' ? from['explode'] : style === 'form'
  return { style, explode, allowReserved: place === 'query' && from['allowReserved'] === true }
}

/** Models and CEL take letters, digits, "_", "-" and "."; two of one name are told apart by place. */
function nameArgument(name: string, place: string, taken: Set<string>): string {
  const plain = name.replaceAll(/[^A-Za-z0-9_.-]+/g, '_').replaceAll(/^_+(?=.)|_+$/g, '')
  const bare = /^(?:|constructor|prototype|proto)$/.test(plain) ? `${place}_${plain}` : plain
  let argument = taken.has(bare) ? `${place}_${bare}` : bare
  for (let number = 2; taken.has(argument); number += 1) argument = `${place}_${bare}_${number}`
  taken.add(argument)
  return argument
}

function bindBody(
  operation: JsonObject,
  document: ApiDocument,
  request: SchemaConverter,
):
  | { readonly bound: BoundBody; readonly schema: JsonObject; readonly isRequired: boolean }
  | undefined {
  const described = follow(document, operation['requestBody'])
  if (described === undefined) return undefined
  const content = isObject(described['content']) ? described['content'] : {}
  const isRequired = described['required'] === true
  const types = Object.keys(content)
  const type =
    types.find((one) => isJsonType(one)) ??
    types.find((one) => mediaType(one) === 'application/x-www-form-urlencoded') ??
    types.find((one) => mediaType(one).startsWith('text/'))
  if (type === undefined) {
    if (!isRequired) return undefined
    throw new Error(
      `it takes ${types.join(', ') || 'no body that is described'}, which is not served`,
    )
  }
  const media = follow(document, content[type]) ?? {}
  const schema = request.convert(media['schema'] ?? {})
  const kind = isJsonType(type) ? 'json' : mediaType(type).startsWith('text/') ? 'text' : 'form'
  // A range such as text/* is nothing to send.
  const contentType = type.includes('*')
    ? kind === 'json'
      ? 'application/json'
      : 'text/plain'
    : type
  if (!/^[\x20-\x7e]+$/.test(contentType)) throw new Error('its media type is no header value')
  const bound = { argument: bodyArgument, contentType, kind, styles: formStyles(media) } as const
  return { bound, schema, isRequired }
}

function formStyles(media: JsonObject): Record<string, ParameterStyle> {
  const encodings = isObject(media['encoding']) ? media['encoding'] : {}
  return Object.fromEntries(
    Object.entries(encodings).flatMap(([name, encoding]) =>
      isObject(encoding) &&
      ['style', 'explode', 'allowReserved'].some((key) => Object.hasOwn(encoding, key))
        ? [[name, styleOf(encoding, 'query')]]
        : [],
    ),
  )
}

/** Only of an operation with one kind of success: another would not be as this schema says. */
function readOutputSchema(operation: JsonObject, context: BindContext): JsonObject | undefined {
  const { document } = context
  const responses = isObject(operation['responses']) ? operation['responses'] : {}
  const successes = Object.keys(responses).filter((status) => /^2(?:\d\d|XX)$/i.test(status))
  const [status] = successes
  if (status === undefined || successes.length > 1) return undefined
  for (const references of ['inline', 'shared'] as const) {
    try {
      const reply = schemaConverter({ document, use: 'reply', references })
      const content = follow(document, responses[status])?.['content']
      const type = isObject(content) ? Object.keys(content).find(isJsonType) : undefined
      if (type === undefined || !isObject(content)) return undefined
      const schema = reply.convert(follow(document, content[type])?.['schema'] ?? {})
      const definitions = reply.definitions()
      if (schema['type'] !== 'object' || JSON.stringify(schema).length > schemaCharactersMax) {
        return undefined
      }
      return { ...schema, ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions }) }
    } catch (thrown) {
      // An operation can be called without an output schema.
      if (!(thrown instanceof SchemaTooLarge)) throw thrown
    }
  }
  return undefined
}

function mediaType(type: string): string {
  return (type.split(';')[0] ?? '').trim().toLowerCase()
}

function isJsonType(type: string): boolean {
  return (
    /^(?:application|text|\*)\/(?:[a-z0-9!#$&^_.-]+\+)?(?:json|\*)$/.test(mediaType(type)) &&
    mediaType(type) !== 'text/*'
  )
}
