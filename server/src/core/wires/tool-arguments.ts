// The arguments of a tool call: JSON text in OpenAI's wires, an object in Anthropic's. On the way
// no number may change its value.
import { parseExactJson } from '../canonical.ts'
import { AirworthyError } from '../errors.ts'
import { isObject } from './fields.ts'

/** Of a call in a request. Throws `request.invalid_json`, `request.number_unsafe`. */
export function parseArguments(text: string, name: string): object {
  const result = readArguments(text)
  if (typeof result === 'object') return result
  const message = `the arguments of an earlier call of ${name} are no exact JSON object: ${result}`
  throw new AirworthyError('request.invalid_json', message)
}

/** Of a call in a reply. Throws `upstream.invalid`. */
export function parseReplyArguments(text: string, name: string): object {
  const result = readArguments(text)
  if (typeof result === 'object') return result
  const message = `the model called ${name} with arguments that are no exact JSON object: ${result}`
  throw new AirworthyError('upstream.invalid', message)
}

/** A call without arguments may have an empty text. */
function readArguments(text: string): object | string {
  if (text.trim() === '') return {}
  const parsed = parseExactJson(text)
  if (parsed.kind === 'invalid') return parsed.message
  return isObject(parsed.value) ? parsed.value : 'not an object'
}
