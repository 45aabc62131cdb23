// From a call's arguments to the request that goes on the wire. Only declared arguments, each where
// the document puts it; whatever could reach another place than the operation's is refused.
import type { OpenApiServer } from './openapi-server.ts'
import type { Credentials } from './credentials.ts'
import type { HttpRequest } from './exchange.ts'
import type { BoundBody, BoundParameter, Operation } from './operation.ts'
import { encode, type Pair, Unwritable, writeHeader, writePairs, writePath } from './serialise.ts'

type Arguments = Readonly<Record<string, unknown>>

export type BuiltRequest =
  | { readonly kind: 'ok'; readonly request: HttpRequest }
  | { readonly kind: 'invalid'; readonly message: string }

const pathCharactersMax = 8000
const headerCharactersMax = 4000
const decodingsMax = 4

/** `effectKey` is that of a write; undefined for a read. */
export function buildRequest(
  operation: Operation,
  args: Arguments,
  context: {
    readonly server: Pick<OpenApiServer, 'baseUrl' | 'headers' | 'idempotencyHeader'>
    readonly credentials: Credentials
    readonly effectKey: string | undefined
  },
): BuiltRequest {
  try {
    checkNames(operation, args)
    const { server, credentials } = context
    const body = writeBody(operation.body, args)
    const headers = {
      'user-agent': 'airworthy',
      accept: 'application/json, text/*;q=0.9, */*;q=0.5',
      // A compressed reply could be small on the wire and huge in memory.
      'accept-encoding': 'identity',
      ...Object.fromEntries(
        Object.entries(server.headers).map(([name, value]) => [name.toLowerCase(), value]),
      ),
      ...writeHeaders(operation, args),
      ...(body === undefined ? {} : { 'content-type': body.contentType }),
      ...keyHeader(server.idempotencyHeader, context.effectKey),
      ...credentials.headers,
    }
    const path = writeTarget(operation, args, context)
    return {
      kind: 'ok',
      request: { method: operation.method, path, headers, body: body?.text },
    }
  } catch (thrown) {
    if (thrown instanceof Unwritable) return { kind: 'invalid', message: thrown.message }
    throw thrown
  }
}

function checkNames(operation: Operation, args: Arguments): void {
  const { parameters, body } = operation
  const known = new Set(parameters.map((parameter) => parameter.argument))
  if (body !== undefined) known.add(body.argument)
  const unknown = Object.keys(args).find((name) => !known.has(name))
  if (unknown !== undefined) throw new Unwritable(`there is no argument ${clip(unknown)}`)
  const missing = parameters.find(({ argument, required }) => required && !has(args, argument))
  if (missing !== undefined) throw new Unwritable(`the argument ${missing.argument} is missing`)
}

function has(args: Arguments, name: string): boolean {
  return Object.hasOwn(args, name) && args[name] !== undefined
}

/** Names what it was that could not be written. */
function writing<Written>(
  parameter: BoundParameter,
  args: Arguments,
  write: (value: unknown) => Written,
): Written {
  const { argument, isJson } = parameter
  try {
    const value = args[argument]
    return write(isJson ? JSON.stringify(value) : value)
  } catch (thrown) {
    if (!(thrown instanceof Unwritable)) throw thrown
    throw new Unwritable(`the argument ${argument} ${thrown.message}`)
  }
}

function given(operation: Operation, args: Arguments, place: BoundParameter['in']) {
  return operation.parameters.filter(
    (parameter) => parameter.in === place && has(args, parameter.argument),
  )
}

function writeTarget(
  operation: Operation,
  args: Arguments,
  context: { readonly server: Pick<OpenApiServer, 'baseUrl'>; readonly credentials: Credentials },
): string {
  const base = new URL(context.server.baseUrl)
  const prefix = base.pathname.replace(/\/+$/, '')
  const path = `${prefix}${writePathTemplate(operation, args)}`
  const own = given(operation, args, 'query').flatMap((parameter) =>
    writing(parameter, args, (value) => {
      refuseControls(value)
      return writePairs(parameter.name, value, parameter)
    }),
  )
  const secret = context.credentials.query.map(([name, value]): Pair => [
    encode(name),
    encode(value),
  ])
  for (const [name] of own) {
    if (secret.some(([reserved]) => reserved === name)) {
      throw new Unwritable('the arguments set a query parameter that is not theirs')
    }
  }
  const pairs = [...own, ...secret].map(([name, value]) => `${name}=${value}`)
  const target = pairs.length === 0 ? path : `${path}?${pairs.join('&')}`
  if (target.length > pathCharactersMax) {
    throw new Unwritable(`the arguments make a URL of more than ${pathCharactersMax} characters`)
  }
  // Whatever was overlooked above: a URL that reads otherwise than it was written is not sent.
  const read = new URL(`${base.origin}${target}`)
  if (read.origin !== base.origin || read.pathname !== path || read.hash !== '') {
    throw new Unwritable('the arguments would change the path')
  }
  return target
}

function writePathTemplate(operation: Operation, args: Arguments): string {
  const parameters = new Map(
    given(operation, args, 'path').map((parameter) => [parameter.name, parameter]),
  )
  const segments = operation.path.split('/').map((segment) => {
    const written = segment.replaceAll(/\{([^{}]*)\}/g, (_, name: string) => {
      const parameter = parameters.get(name)
      if (parameter === undefined) throw new Unwritable(`the argument for {${name}} is missing`)
      return writing(parameter, args, (value) => {
        refuseControls(value)
        refuseSeparators(value)
        const text = writePath(parameter.name, value, parameter)
        if (text === '') throw new Unwritable('is empty, and would change the path')
        return text
      })
    })
    const isChanged = written !== segment
    if (isChanged && /^\.{0,2}$/.test(decoded(written).split(';', 1)[0] ?? '')) {
      const isMatrix = written.startsWith(';') && decoded(written).length > 1
      if (!isMatrix) throw new Unwritable('the arguments would change the path')
    }
    return written
  })
  return segments.join('/')
}

/** Many a server decodes a path before it splits it: then `1%2Fcancel` is another operation. */
function refuseSeparators(value: unknown): void {
  for (const text of textsOf(value)) {
    if (/[/\\]/.test(decoded(text))) throw new Unwritable('holds a / or \\, which a path may not')
  }
}

/** Percent-decoded until nothing changes, as a chain of servers might. */
function decoded(text: string): string {
  let last = text
  for (let round = 0; round < decodingsMax; round += 1) {
    const next = last.replaceAll(/%[0-9A-Fa-f]{2}/g, (code) =>
      String.fromCharCode(Number.parseInt(code.slice(1), 16)),
    )
    if (next === last) return last
    last = next
  }
  throw new Unwritable('is percent-encoded again and again')
}

function refuseControls(value: unknown): void {
  for (const text of textsOf(value)) {
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    if (/[\u0000-\u001f\u007f]/.test(text) || /%(?:0[0-9a-f]|1[0-9a-f]|7f)/i.test(text)) {
      throw new Unwritable('holds a control character, such as a line break')
    }
  }
}

/** All texts of a value, names of fields included. */
function textsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  if (Array.isArray(value)) return value.flatMap(textsOf)
  return Object.entries(value).flatMap(([name, child]) => [name, ...textsOf(child)])
}

function writeHeaders(operation: Operation, args: Arguments): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const parameter of given(operation, args, 'header')) {
    const text = writing(parameter, args, (value) => {
      const written = writeHeader(value, parameter)
      if (!/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(written)) {
        throw new Unwritable('is no header value: visible ASCII, on one line, and not empty')
      }
      if (written.length > headerCharactersMax) {
        throw new Unwritable(`may have ${headerCharactersMax} characters in a header`)
      }
      return written
    })
    headers[parameter.name.toLowerCase()] = text
  }
  return headers
}

function keyHeader(name: string | false, effectKey: string | undefined): Record<string, string> {
  return name === false || effectKey === undefined ? {} : { [name.toLowerCase()]: effectKey }
}

function writeBody(
  body: BoundBody | undefined,
  args: Arguments,
): { readonly contentType: string; readonly text: string } | undefined {
  if (body === undefined || !has(args, body.argument)) return undefined
  const { contentType } = body
  const value = args[body.argument]
  if (body.kind === 'json') return { contentType, text: JSON.stringify(value) }
  if (body.kind === 'text') {
    if (typeof value === 'string') return { contentType, text: value }
    throw new Unwritable(`the argument ${body.argument} must be a text`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Unwritable(`the argument ${body.argument} must be an object`)
  }
  const pairs = Object.entries(value).flatMap(([name, field]) => writeField(body, name, field))
  return { contentType, text: pairs.map(([name, text]) => `${name}=${text}`).join('&') }
}

/** Without a style an object in a form is one JSON text, as OpenAPI has it. */
function writeField(body: BoundBody, name: string, value: unknown): readonly Pair[] {
  const style = Object.hasOwn(body.styles, name) ? body.styles[name] : undefined
  if (style !== undefined) return writePairs(name, value, style)
  const isPlain = typeof value !== 'object' || value === null
  const isList = Array.isArray(value) && value.every((item) => typeof item !== 'object')
  const plain = { style: 'form', explode: true, allowReserved: false } as const
  return writePairs(name, isPlain || isList ? value : JSON.stringify(value), plain)
}

function clip(name: string): string {
  return JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}...` : name)
}
