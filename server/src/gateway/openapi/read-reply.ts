// What an HTTP reply says of the world, and what of it the agent gets.
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { parseExactJson } from '../../core/canonical.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { ToolEnd } from '../tools/backend.ts'
import { redacted, redactText, redactValue } from './credentials.ts'
import type { ExchangeEnd, HttpReply } from './exchange.ts'

export type ReplyContext = {
  /** The call may change something: it carries an effect key. */
  readonly isWrite: boolean
  readonly secrets: readonly string[]
  /** Statuses of this API after which a write may have happened. */
  readonly unknownStatuses: readonly number[]
  readonly replyBytesMax: number
}

/**
 * 408 and 499 are also what a proxy answers for an API that is still at work, and 302, 303 and 304
 * often follow a write that was made. All other 3xx and 4xx refuse a call before it does anything.
 */
const unknownStatuses = new Set([300, 302, 303, 304, 408, 499])

const errorTextMax = 20_000

export function readEnd(end: ExchangeEnd, context: ReplyContext): ToolEnd {
  if (end.kind === 'failed') {
    return { kind: end.wasSent ? 'unknown' : 'failed', error: end.error }
  }
  const { reply } = end
  if (reply.status < 300) return { kind: 'result', result: readSuccess(reply, context) }
  const isUnknown =
    reply.status >= 500 ||
    unknownStatuses.has(reply.status) ||
    context.unknownStatuses.includes(reply.status)
  if (context.isWrite && isUnknown) {
    const message = `the API answered ${reply.status}`
    const detail = { status: reply.status }
    return { kind: 'unknown', error: new AirworthyError('upstream.refused', message, { detail }) }
  }
  return { kind: 'result', result: readError(reply, context) }
}

function readSuccess(reply: HttpReply, context: ReplyContext): CallToolResult {
  const { status, headers, body } = reply
  if (body === undefined) {
    const limit = `its reply passes ${context.replyBytesMax} bytes and is not passed on`
    // What a write did stays done, although what it answered is lost.
    if (context.isWrite) return objectResult({ status, message: `done; ${limit}` })
    return errorResult({ status, message: `the API answered, but ${limit}` })
  }
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity' && encoding !== '') {
    const message = 'the reply is compressed, although that was not asked for'
    if (context.isWrite) return objectResult({ status, message: `done; ${message}` })
    return errorResult({ status, message })
  }
  const { location } = headers
  if (body.length === 0) {
    const place = location === undefined ? {} : { location: redactText(location, context.secrets) }
    return objectResult({ status, ...place })
  }
  const type = mediaTypeOf(reply)
  if (isText(type)) return textResult(body.toString('utf8'), context.secrets)
  return binaryResult(body, type, context)
}

function textResult(text: string, secrets: readonly string[]): CallToolResult {
  const parsed = readJson(text)
  if (parsed === undefined) return { content: [textPart(redactText(text, secrets))] }
  const value = redactValue(parsed.value, secrets)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return objectResult({ ...value })
  }
  // MCP has structured content for objects only.
  return { content: [textPart(JSON.stringify(value))] }
}

/** Undefined when it is no JSON that means the same to every reader. */
function readJson(text: string): { readonly value: unknown } | undefined {
  const parsed = parseExactJson(text)
  if (parsed.kind === 'ok') return parsed
  return parsed.code === 'request.number_unsafe' ? { value: keepDigits(text) } : undefined
}

/** An id beyond 2^53 becomes a text of its digits: rounded, it would name another thing. */
function keepDigits(text: string): unknown {
  return JSON.parse(
    text,
    function keep(this: unknown, _key: string, value: unknown, context?: unknown) {
      if (typeof value !== 'number') return value
      if (Number.isFinite(value) && (Number.isSafeInteger(value) || !Number.isInteger(value))) {
        return value
      }
      const isObject = typeof context === 'object' && context !== null
      const source: unknown = isObject ? Reflect.get(context, 'source') : undefined
      return typeof source === 'string' ? source : String(value)
    },
  )
}

function binaryResult(body: Buffer, type: string, context: ReplyContext): CallToolResult {
  if (context.secrets.some((secret) => body.includes(secret))) {
    return { content: [textPart(redacted)] }
  }
  const data = body.toString('base64')
  if (type.startsWith('image/')) return { content: [{ type: 'image', data, mimeType: type }] }
  if (type.startsWith('audio/')) return { content: [{ type: 'audio', data, mimeType: type }] }
  const resource = { uri: 'airworthy:reply', mimeType: type, blob: data }
  return { content: [{ type: 'resource', resource }] }
}

/** A reply that refuses: the agent reads what the API said, and can change its plan. */
function readError(reply: HttpReply, context: ReplyContext): CallToolResult {
  const { status, headers, body } = reply
  const { secrets } = context
  const text = body !== undefined && isText(mediaTypeOf(reply)) ? body.toString('utf8') : ''
  const json = text.length > errorTextMax ? undefined : readJson(text)
  const said =
    json === undefined
      ? redactText(text.slice(0, errorTextMax), secrets)
      : redactValue(json.value, secrets)
  const retryAfter = headers['retry-after']
  const isRedirect = status >= 300 && status < 400
  return errorResult({
    status,
    message: `the API answered ${status}${isRedirect ? ', and redirects are not followed' : ''}`,
    ...(retryAfter === undefined ? {} : { retryAfter: redactText(retryAfter, secrets) }),
    ...(said === '' ? {} : { reply: said }),
  })
}

function objectResult(value: Record<string, unknown>): CallToolResult {
  return { content: [textPart(JSON.stringify(value))], structuredContent: value }
}

function errorResult(value: Record<string, unknown>): CallToolResult {
  return { ...objectResult({ failed: true, code: 'upstream.refused', ...value }), isError: true }
}

function textPart(text: string): { type: 'text'; text: string } {
  return { type: 'text', text }
}

function mediaTypeOf(reply: HttpReply): string {
  const [type = ''] = (reply.headers['content-type'] ?? '').split(';')
  const bare = type.trim().toLowerCase()
  return /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/.test(bare) ? bare : 'text/plain'
}

function isText(type: string): boolean {
  return (
    type.startsWith('text/') ||
    /[/+](?:json|xml|yaml)$/.test(type) ||
    type === 'application/x-www-form-urlencoded' ||
    type === 'application/javascript' ||
    type === 'application/x-ndjson'
  )
}
