// An OpenAPI document as data: read from its text, and asked for what its references point at.
import { parseDocument as parseYaml } from 'yaml'

export type JsonObject = Readonly<Record<string, unknown>>

/** An OpenAPI 3.0 or 3.1 document; `is30`: its schemas have `nullable` and their own `exclusive…`. */
export type ApiDocument = { readonly root: JsonObject; readonly is30: boolean }

export const documentBytesMax = 16 * 1024 * 1024
const yamlCharactersMax = 2 * 1024 * 1024
const yamlAliasesMax = 100
const refChainMax = 32

/** Reads JSON or YAML. Throws a plain error that says what is wrong. */
export function readDocument(text: string): ApiDocument {
  return checkDocument(/^\s*\{/.test(text) ? readJson(text) : readYaml(text))
}

/** Throws a plain error when the value is no document of a version that is served. */
export function checkDocument(value: unknown): ApiDocument {
  if (!isObject(value)) throw new Error('the OpenAPI document is no object')
  const version = value['openapi']
  if (typeof version !== 'string' || !/^3\.[01](\.|$)/.test(version)) {
    const found = typeof version === 'string' ? version : JSON.stringify(value['swagger'] ?? null)
    throw new Error(`the document must be OpenAPI 3.0 or 3.1, but its version is ${found}`)
  }
  return { root: value, is30: version.startsWith('3.0') }
}

/**
 * The object at a place of the document, through references (`#/components/…`); undefined when
 * there is none. Throws a plain error for a reference that leads nowhere, out of the document, or in
 * circles.
 */
export function follow(document: ApiDocument, value: unknown): JsonObject | undefined {
  let found = value
  for (let step = 0; step < refChainMax; step += 1) {
    if (!isObject(found)) return undefined
    const ref = found['$ref']
    if (typeof ref !== 'string') return found
    found = target(document, ref)
  }
  throw new Error('references of the document lead in circles')
}

/** What `#/components/schemas/Order` names. Throws a plain error when nothing is there. */
export function target(document: ApiDocument, ref: string): unknown {
  if (!ref.startsWith('#/')) {
    throw new Error(`the reference ${ref} leads out of the document: bundle it into one file`)
  }
  let found: unknown = document.root
  for (const step of ref.slice(2).split('/')) {
    const name = decode(step).replaceAll('~1', '/').replaceAll('~0', '~')
    const isThere = typeof found === 'object' && found !== null && Object.hasOwn(found, name)
    found = isThere ? Reflect.get(Object(found), name) : undefined
  }
  if (found === undefined) throw new Error(`the reference ${ref} leads nowhere`)
  return found
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}

function decode(step: string): string {
  try {
    return decodeURIComponent(step)
  } catch {
    return step
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error('the OpenAPI document is not valid JSON', { cause })
  }
}

function readYaml(text: string): unknown {
  if (text.length > yamlCharactersMax) {
    throw new Error(`a YAML document may have ${yamlCharactersMax} characters; JSON may have more`)
  }
  const parsed = parseYaml(text, { prettyErrors: false })
  const [fault] = parsed.errors
  if (fault !== undefined) {
    throw new Error(`the OpenAPI document is not valid YAML: ${fault.message}`)
  }
  return parsed.toJS({ maxAliasCount: yamlAliasesMax })
}
