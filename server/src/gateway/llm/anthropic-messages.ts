// Anthropic Messages, in and out: passed through as it came, with what was used read on the way.
import { AirworthyError } from '../../core/errors.ts'
import type { CompiledModel } from '../../core/pact/compiled.ts'
import type { TokenUsage } from '../../store/recorder/types.ts'
import { readData } from './openai-chat.ts'
import { setMembers } from './set-members.ts'
import {
  boundTokens,
  countProperty,
  listProperty,
  type ModelRequest,
  type ModelWire,
  property,
  readModelName,
  type ReplyFindings,
  type StreamScanner,
  textProperty,
} from './wire.ts'

const defaultVersion = '2023-06-01'

export const anthropicMessages: ModelWire = {
  name: 'anthropic',
  upstreamPath: '/messages',
  readRequest,
  prepareBody,
  upstreamHeaders: (apiKey, client) => {
    const version = client['anthropic-version']
    const beta = client['anthropic-beta']
    return {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'accept-encoding': 'identity',
      'anthropic-version': typeof version === 'string' ? version : defaultVersion,
      ...(typeof beta === 'string' ? { 'anthropic-beta': beta } : {}),
      ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
    }
  },
  readReply,
  createScanner,
  errorBody: (error) => ({ type: 'error', error: { ...error } }),
  errorEvent: (error) =>
    `event: error\ndata: ${JSON.stringify({ type: 'error', error: { ...error } })}\n\n`,
}

function readRequest(body: Buffer): ModelRequest {
  let json: unknown
  try {
    json = JSON.parse(body.toString('utf8'))
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : 'the body is not JSON'
    throw new AirworthyError('request.invalid_json', `the body is not valid JSON: ${message}`)
  }
  const model = readModelName(json)
  if (!Array.isArray(property(json, 'messages'))) {
    throw new AirworthyError('request.invalid', '`messages` must be a list')
  }
  return {
    model,
    stream: property(json, 'stream') === true,
    maxOutputTokens: boundTokens(countProperty(json, 'max_tokens')),
    systemText: readSystem(json),
    toolNames: listProperty(json, 'tools').flatMap((tool) => textProperty(tool, 'name') ?? []),
    wantsUsageEvent: true,
  }
}

function readSystem(json: unknown): string | undefined {
  const system = property(json, 'system')
  if (typeof system === 'string') return system
  if (!Array.isArray(system)) return undefined
  return system.map((part) => textProperty(part, 'text') ?? '').join('')
}

function prepareBody(body: Buffer, request: ModelRequest, model: CompiledModel): Buffer {
  if (model.upstreamModel === request.model) return body
  const name = { name: 'model', value: JSON.stringify(model.upstreamModel) }
  return Buffer.from(setMembers(body.toString('utf8'), [name]))
}

function readReply(body: Buffer): ReplyFindings {
  let json: unknown
  try {
    json = JSON.parse(body.toString('utf8'))
  } catch (cause) {
    throw new AirworthyError('upstream.invalid', 'the upstream answered no JSON', { cause })
  }
  if (!Array.isArray(property(json, 'content'))) {
    throw new AirworthyError('upstream.invalid', 'the upstream answered no message')
  }
  const toolNames = listProperty(json, 'content').flatMap(toolNameOf)
  return { usage: readUsage(property(json, 'usage')), toolNames }
}

function toolNameOf(block: unknown): string[] {
  if (textProperty(block, 'type') !== 'tool_use') return []
  const name = textProperty(block, 'name')
  return name === undefined ? [] : [name]
}

/** Anthropic counts cached prompt tokens apart from `input_tokens`; here the prompt is all of it. */
function readUsage(usage: unknown): TokenUsage | undefined {
  const input = countProperty(usage, 'input_tokens')
  const completionTokens = countProperty(usage, 'output_tokens')
  if (input === undefined || completionTokens === undefined) return undefined
  const read = countProperty(usage, 'cache_read_input_tokens') ?? 0
  const written = countProperty(usage, 'cache_creation_input_tokens') ?? 0
  return { promptTokens: input + read + written, cachedTokens: read, completionTokens }
}

function createScanner(): StreamScanner {
  let started: unknown
  let ended: unknown
  let isComplete = false
  const toolNames: string[] = []
  return {
    take: (event) => {
      const data = readData(event)
      const isInteresting =
        data.includes('"message_start"') ||
        data.includes('"message_delta"') ||
        data.includes('"message_stop"') ||
        data.includes('"tool_use"')
      if (!isInteresting) return 'pass'
      const json = parseEvent(data)
      const type = textProperty(json, 'type')
      if (type === 'message_start') started = property(property(json, 'message'), 'usage')
      if (type === 'message_delta') ended = property(json, 'usage') ?? ended
      if (type === 'content_block_start') {
        toolNames.push(...toolNameOf(property(json, 'content_block')))
      }
      if (type !== 'message_stop') return 'pass'
      isComplete = true
      return 'last'
    },
    findings: () => ({ usage: mergeUsage(started, ended), toolNames }),
    isComplete: () => isComplete,
  }
}

/** `message_start` tells the prompt, the last `message_delta` the completion. */
function mergeUsage(started: unknown, ended: unknown): TokenUsage | undefined {
  if (typeof started !== 'object' || started === null || ended === undefined) return undefined
  const counted = typeof ended === 'object' && ended !== null ? ended : {}
  return readUsage({ ...started, ...counted })
}

function parseEvent(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch (cause) {
    throw new AirworthyError('upstream.invalid', 'the upstream sent a broken event', { cause })
  }
}
