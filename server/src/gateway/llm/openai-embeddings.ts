// OpenAI Embeddings: a prompt without a completion, and never a stream.
import { AirworthyError } from '../../core/errors.ts'
import { openaiError, openaiErrorEvent } from './openai-errors.ts'
import {
  countProperty,
  type ModelRequest,
  type ModelWire,
  nothingTold,
  parseBody,
  parseReply,
  property,
  readModelName,
  type ReplyFindings,
} from './wire.ts'

export const openaiEmbeddings: ModelWire = {
  api: 'embeddings',
  upstreamPath: '/embeddings',
  readRequest,
  changes: (request, { endpoint }) =>
    endpoint.upstreamModel === request.model
      ? []
      : [{ name: 'model', value: JSON.stringify(endpoint.upstreamModel) }],
  upstreamHeaders: () => ({}),
  readReply,
  createScanner: () => ({
    take: () => 'pass',
    findings: () => ({ usage: undefined, toolNames: [] }),
    isComplete: () => false,
    failure: () => undefined,
    partial: () => nothingTold,
  }),
  deltaOf: () => '',
  errorBody: openaiError,
  errorEvent: openaiErrorEvent,
}

function readRequest(body: Buffer): ModelRequest {
  const json = parseBody(body)
  const model = readModelName(json)
  return {
    model,
    stream: false,
    maxOutputTokens: 0,
    choices: 1,
    systemText: undefined,
    toolNames: [],
    wantsUsageEvent: true,
    inlineParts: 0,
    outside: undefined,
    promptTokensMax: boundInput(property(json, 'input')),
    json,
  }
}

/** A text has at most its bytes in tokens, and some for where it starts and ends. */
const textEndsTokens = 4

/** Throws `request.invalid` for what is neither a text, nor tokens, nor a list of either. */
function boundInput(input: unknown): number {
  if (typeof input === 'string') return Buffer.byteLength(input) + textEndsTokens
  if (!Array.isArray(input)) throw invalidInput()
  if (input.every((one) => typeof one === 'number')) return input.length
  return input.reduce<number>((sum, one: unknown) => {
    if (typeof one === 'string') return sum + Buffer.byteLength(one) + textEndsTokens
    if (!Array.isArray(one) || !one.every((token) => typeof token === 'number')) {
      throw invalidInput()
    }
    return sum + one.length
  }, 0)
}

function invalidInput(): AirworthyError {
  return new AirworthyError('request.invalid', '`input` must be a text, tokens, or a list of them')
}

function readReply(body: Buffer): ReplyFindings {
  const json = parseReply(body)
  if (!Array.isArray(property(json, 'data'))) {
    throw new AirworthyError('upstream.invalid', 'the upstream answered no embeddings')
  }
  const promptTokens = countProperty(property(json, 'usage'), 'prompt_tokens')
  // No prompt has no tokens: such usage is a way of telling none.
  if (!promptTokens) return { usage: undefined, toolNames: [] }
  return { usage: { promptTokens, cachedTokens: 0, completionTokens: 0 }, toolNames: [] }
}
