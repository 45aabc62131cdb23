// An error of an upstream of another wire, told in the client's: the words and the status stay.
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
  { status, body }: { readonly status: number; readonly body: Buffer },
): Buffer {
  const kind = kinds[status] ?? otherKind
  const message = readMessage(body) ?? `the upstream answered ${status}`
  const told =
    client.api === 'messages'
      ? { type: 'error', error: { type: kind.anthropic, message } }
      : { error: { message, type: kind.openai, code: null, param: null } }
  return Buffer.from(JSON.stringify(told))
}

/** Both wires have it at `error.message`. */
function readMessage(body: Buffer): string | undefined {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'))
    const message =
      textProperty(property(json, 'error'), 'message') ?? textProperty(json, 'message')
    return message?.slice(0, messageLengthMax)
  } catch {
    return undefined
  }
}
