// The error of an upstream, told in the client's shape: the words and the status stay. One that is
// in that shape already goes on byte for byte; a page of HTML, say, is not.
import { property, textProperty, type ModelWire } from './wire.ts'

const messageLengthMax = 2000

/** What official clients call the kind of an error, by its status. */
const kinds: Readonly<Record<number, { openai: string; anthropic: string }>> = {
  400: { openai: 'invalid_request_error', anthropic: 'invalid_request_error' },
  401: { openai: 'authentication_error', anthropic: 'authentication_error' },
  403: { openai: 'permission_error', anthropic: 'permission_error' },
  404: { openai: 'invalid_request_error', anthropic: 'not_found_error' },
  413: { openai: 'invalid_request_error', anthropic: 'request_too_large' },
  429: { openai: 'rate_limit_error', anthropic: 'rate_limit_error' },
  529: { openai: 'server_error', anthropic: 'overloaded_error' },
}
const otherKind = { openai: 'server_error', anthropic: 'api_error' }

export function upstreamError(
  client: ModelWire,
  refused: { readonly status: number; readonly body: Buffer; readonly isSameWire: boolean },
): Buffer {
  const { status, body, isSameWire } = refused
  const told = readMessage(body)
  if (isSameWire && told?.isUsual === true) return body
  const kind = kinds[status] ?? otherKind
  const message = told?.message.slice(0, messageLengthMax) ?? `the upstream answered ${status}`
  const error =
    client.api === 'messages'
      ? { type: 'error', error: { type: kind.anthropic, message } }
      : { error: { message, type: kind.openai, code: null, param: null } }
  return Buffer.from(JSON.stringify(error))
}

/** Both wires have it at `error.message`; some upstreams elsewhere. */
function readMessage(body: Buffer): { message: string; isUsual: boolean } | undefined {
  let json: unknown
  try {
    json = JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
  const usual = textProperty(property(json, 'error'), 'message')
  if (usual !== undefined) return { message: usual, isUsual: true }
  const [first]: unknown[] = Array.isArray(json) ? json : []
  const message =
    textProperty(property(first, 'error'), 'message') ??
    textProperty(json, 'error') ??
    textProperty(json, 'message')
  return message === undefined ? undefined : { message, isUsual: false }
}
