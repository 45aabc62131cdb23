// The operations of a document that its manifest serves, by the names they have as tools.
import { Ajv } from 'ajv'
import addFormatsModule from 'ajv-formats'
import { compileGlob } from '../../core/pact/selector.ts'
import { bindOperation, type FoundOperation, isReservedHeader } from './bind-operation.ts'
import { type ApiDocument, follow, isObject, textOr } from './document.ts'
import type { OpenApiServer } from './openapi-server.ts'
import type { Operation } from './operation.ts'

export type CompiledApi = {
  /** By tool name. */
  readonly operations: ReadonlyMap<string, Operation>
  /** What a pattern matches and cannot be served, with why. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[]
}

export type ApiSettings = Pick<
  OpenApiServer,
  'operations' | 'methods' | 'paths' | 'auth' | 'headers' | 'idempotencyHeader'
>

const pathsMax = 5000
const operationsMax = 500
const toolNameMax = 64

const methods = ['get', 'head', 'post', 'put', 'patch', 'delete'] as const
const methodNames = {
  get: 'GET',
  head: 'HEAD',
  post: 'POST',
  put: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
} as const

/**
 * One step an operation, so that a large document need not hold up everything else. Throws a plain
 * error for a name or a pattern that serves nothing, for two operations of one name,
 * and for an operation that is listed by its name and cannot be served.
 */
export function* compileApi(
  document: ApiDocument,
  settings: ApiSettings,
): Generator<undefined, CompiledApi, undefined> {
  checkHeaders(settings)
  const found = findOperations(document, settings)
  const matchers = settings.operations.map((pattern) => ({
    pattern,
    isExact: !pattern.includes('*'),
    matches: compileGlob(pattern),
  }))
  for (const { pattern, matches } of matchers) {
    if (found.some(({ name }) => matches(name))) continue
    const known = found.slice(0, 20).map(({ name }) => name)
    throw new Error(`no operation is called ${pattern}; there are ${known.join(', ') || 'none'}`)
  }
  const ajv = new Ajv({ strict: false, logger: false, addUsedSchema: false })
  addFormatsModule.default(ajv)
  const context = {
    document,
    ajv,
    ownHeaders: ownHeaders(settings),
    ownQuery: new Set(settings.auth?.kind === 'query' ? [settings.auth.parameter] : []),
  }
  const operations = new Map<string, Operation>()
  const skipped: { name: string; reason: string }[] = []
  const names = new Set<string>()
  for (const one of found) {
    const by = matchers.filter(({ matches }) => matches(one.name))
    if (by.length === 0) continue
    if (names.has(one.name)) throw new Error(`two operations are called ${one.name}`)
    names.add(one.name)
    yield undefined
    try {
      operations.set(one.name, bindOperation(one, context))
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown)
      if (by.some(({ isExact }) => isExact)) {
        throw new Error(`${one.name} cannot be served: ${reason}`, { cause: thrown })
      }
      skipped.push({ name: one.name, reason })
    }
    if (operations.size > operationsMax) {
      throw new Error(`at most ${operationsMax} operations can be served; list fewer`)
    }
  }
  if (operations.size === 0) {
    const [first] = skipped
    throw new Error(`no operation can be served: ${first?.name ?? ''} ${first?.reason ?? ''}`)
  }
  return { operations, skipped }
}

/** What frames a request, or carries the credential, is not for a manifest's constants. */
function checkHeaders(settings: ApiSettings): void {
  for (const name of Object.keys(settings.headers)) {
    const isFree = /^(?:accept|user-agent)$/i.test(name) || !isReservedHeader(name)
    if (!isFree) throw new Error(`headers: ${name} is not for the manifest to set`)
  }
}

function ownHeaders({ auth, headers, idempotencyHeader }: ApiSettings): ReadonlySet<string> {
  const names = [
    ...Object.keys(headers),
    ...(idempotencyHeader === false ? [] : [idempotencyHeader]),
    ...(auth?.kind === 'header' ? [auth.header] : []),
  ]
  return new Set(names.map((name) => name.toLowerCase()))
}

function findOperations(document: ApiDocument, settings: ApiSettings): readonly FoundOperation[] {
  const { paths } = document.root
  const entries = isObject(paths) ? Object.entries(paths) : []
  if (entries.length > pathsMax) throw new Error(`the document has more than ${pathsMax} paths`)
  const inPaths = settings.paths?.map(compileGlob)
  return entries.flatMap(([path, value]) => {
    if (inPaths !== undefined && !inPaths.some((matches) => matches(path))) return []
    const item = follow(document, value)
    if (item === undefined) return []
    return methods.flatMap((method): FoundOperation[] => {
      if (settings.methods !== undefined && !settings.methods.includes(method)) return []
      const operation = item[method]
      if (!isObject(operation)) return []
      const name = nameOperation(textOr(operation['operationId'], ''), method, path)
      return [{ name, method: methodNames[method], path, item, operation }]
    })
  })
}

/** The `operationId`, or `get_orders_order_id`, in what a tool's name may have. */
function nameOperation(operationId: string, method: string, path: string): string {
  const source = operationId.trim() === '' ? `${method}_${path}` : operationId
  const name = source.replaceAll(/[^A-Za-z0-9_.-]+/g, '_').replaceAll(/_{2,}/g, '_')
  return name.replaceAll(/^_+|_+$/g, '').slice(0, toolNameMax) || method
}
