// Anthropic Messages: passed through as it came, with what was used read on the way.
import { AirworthyError } from '../../core/errors.ts'
import type { TokenUsage } from '../../store/recorder/types.ts'
import type { ErrorBody } from '@airworthy/sdk'
import type { Member } from './set-members.ts'
import {
  boundTokens,
  countProperty,
  askedCount,
  askedFlag,
  askedText,
  listProperty,
  type ModelRequest,
  type ModelWire,
  parseBody,
  parseEvent,
  parseReply,
  type PriceTerms,
  property,
  nothingTold,
  rawText,
  readDearer,
  readModelName,
  type ReplyFindings,
  serviceTierOf,
  type StreamScanner,
  textProperty,
  wholeData,
} from './wire.ts'

const defaultVersion = '2023-06-01'

export const anthropicMessages: ModelWire = {
  api: 'messages',
  upstreamPath: '/messages',
  readRequest,
  changes,
  upstreamHeaders: (client) => {
    const version = client['anthropic-version']
    const beta = client['anthropic-beta']
    return {
      'anthropic-version': typeof version === 'string' ? version : defaultVersion,
      ...(typeof beta === 'string' ? { 'anthropic-beta': beta } : {}),
    }
  },
  readReply,
  createScanner,
  deltaOf: (event) => rawText(event, ['text', 'partial_json', 'thinking']),
  errorBody,
  errorEvent: (error) => `event: error\ndata: ${JSON.stringify(errorBody(error))}\n\n`,
}

/** Counts the tokens of a prompt at the provider: a call, and a free one. */
export const anthropicCountTokens: ModelWire = {
  ...anthropicMessages,
  isSameWireOnly: true,
  countsOnly: true,
  upstreamPath: '/messages/count_tokens',
  readRequest: (body) => ({
    ...readRequest(body),
    stream: false,
    maxOutputTokens: 0,
    dearer: undefined,
  }),
  readReply: (body) => {
    if (countProperty(parseReply(body), 'input_tokens') === undefined) {
      throw new AirworthyError('upstream.invalid', 'the upstream answered no count of tokens')
    }
    return { usage: undefined, toolNames: [] }
  },
}

function errorBody(error: ErrorBody['error']): object {
  return { type: 'error', error: { ...error } }
}

function readRequest(body: Buffer): ModelRequest {
  const json = parseBody(body)
  const model = readModelName(json)
  if (!Array.isArray(property(json, 'messages'))) {
    throw new AirworthyError('request.invalid', '`messages` must be a list')
  }
  return {
    model,
    stream: askedFlag(json, 'stream'),
    // None at all only fills the provider's cache.
    maxOutputTokens: boundTokens(askedCount(json, 'max_tokens', 0)),
    choices: 1,
    systemText: readSystem(json),
    toolNames: listProperty(json, 'tools').flatMap(
      (tool) => textProperty(tool, 'name') ?? textProperty(tool, 'type') ?? [],
    ),
    wantsUsageEvent: true,
    ...readParts(json),
    dearer: readFast(json) ?? readDearer(json),
    json,
  }
}

/** Being served faster, or only in one region, costs more; no list of prices has it. */
function readFast(json: object): ModelRequest['dearer'] {
  for (const [name, usual] of dearMembers) {
    const value = property(json, name)
    if (value == null || value === usual) continue
    return { asked: askedText(name, value), tier: undefined }
  }
  return undefined
}

const dearMembers = [
  ['speed', 'standard'],
  ['inference_geo', 'global'],
] as const

function readSystem(json: unknown): string | undefined {
  const system = property(json, 'system')
  if (typeof system === 'string') return system
  if (!Array.isArray(system)) return undefined
  return system.map((part) => textProperty(part, 'text') ?? '').join('')
}

/** Tools that Anthropic runs itself: what they find goes into the prompt. */
const serverTool = /^(?:web_search|web_fetch|code_execution|tool_search|advisor)/

function readParts(json: object): Pick<ModelRequest, 'inlineParts' | 'outside'> {
  let outside: string | undefined
  for (const tool of listProperty(json, 'tools')) {
    const type = textProperty(tool, 'type') ?? ''
    if (serverTool.test(type)) outside ??= `the tool ${type}`
  }
  if (listProperty(json, 'mcp_servers').length > 0) outside ??= '`mcp_servers`'
  const inline = { count: 0 }
  const read = (content: readonly unknown[]): void => {
    for (const part of content) {
      const type = textProperty(part, 'type')
      if (type === 'tool_result') read(listProperty(part, 'content'))
      if (type !== 'image' && type !== 'document' && type !== 'container_upload') continue
      inline.count += 1
      const source = textProperty(property(part, 'source'), 'type')
      if (source !== 'base64' && source !== 'text' && source !== 'content') {
        outside ??= `the ${type} by ${source ?? 'reference'}`
      }
    }
  }
  for (const message of listProperty(json, 'messages')) read(listProperty(message, 'content'))
  return { inlineParts: inline.count, outside }
}

function changes(
  request: ModelRequest,
  { endpoint, outputTokens }: Parameters<ModelWire['changes']>[1],
): Member[] {
  const members: Member[] = []
  if (endpoint.upstreamModel !== request.model) {
    members.push({ name: 'model', value: JSON.stringify(endpoint.upstreamModel) })
  }
  if (outputTokens === undefined) return members
  members.push({ name: 'max_tokens', value: String(outputTokens) })
  // Anthropic refuses a limit that leaves nothing beside the thinking.
  const thinking = countProperty(property(request.json, 'thinking'), 'budget_tokens')
  if (thinking !== undefined && thinking >= outputTokens) {
    members.push({ name: 'thinking', value: '{"type":"disabled"}' })
  }
  return members
}

function readReply(body: Buffer): ReplyFindings {
  const json = parseReply(body)
  if (!Array.isArray(property(json, 'content'))) {
    throw new AirworthyError('upstream.invalid', 'the upstream answered no message')
  }
  const toolNames = listProperty(json, 'content').flatMap(toolNameOf)
  const usage = property(json, 'usage')
  return { usage: readUsage(usage), toolNames, terms: readTerms(usage) }
}

function toolNameOf(block: unknown): string[] {
  const type = textProperty(block, 'type')
  if (type !== 'tool_use' && type !== 'server_tool_use' && type !== 'mcp_tool_use') return []
  const name = textProperty(block, 'name')
  return name === undefined ? [] : [name]
}

function readTerms(usage: unknown): PriceTerms | undefined {
  const serviceTier = serviceTierOf(property(usage, 'service_tier'))
  return serviceTier === undefined ? undefined : { serviceTier }
}

/** Anthropic counts cached prompt tokens apart from `input_tokens`; here the prompt is all of it. */
function readUsage(usage: unknown): TokenUsage | undefined {
  const input = countProperty(usage, 'input_tokens')
  const completionTokens = countProperty(usage, 'output_tokens')
  if (input === undefined || completionTokens === undefined) return undefined
  const read = countProperty(usage, 'cache_read_input_tokens') ?? 0
  const written = countProperty(usage, 'cache_creation_input_tokens') ?? 0
  const counted = { promptTokens: input + read + written, cachedTokens: read, completionTokens }
  // No prompt has no tokens: such usage is a way of telling none.
  if (counted.promptTokens === 0) return undefined
  if (written === 0) return counted
  const longLived = property(usage, 'cache_creation')
  const long = Math.min(countProperty(longLived, 'ephemeral_1h_input_tokens') ?? 0, written)
  return {
    ...counted,
    cacheWriteTokens: written - long,
    ...(long === 0 ? {} : { cacheWriteLongTokens: long }),
  }
}

function createScanner(): StreamScanner {
  let started: unknown
  let ended: unknown
  let isComplete = false
  let failure: string | undefined
  const toolNames: string[] = []
  return {
    take: (event) => {
      const data = wholeData(event)
      const isInteresting =
        data.includes('"message_start"') ||
        data.includes('"message_delta"') ||
        data.includes('"message_stop"') ||
        data.includes('tool_use"') ||
        data.includes('"error"')
      if (!isInteresting) return 'pass'
      const json = parseEvent(data)
      const type = textProperty(json, 'type')
      if (type === 'message_start') started = property(property(json, 'message'), 'usage')
      if (type === 'message_delta') ended = property(json, 'usage') ?? ended
      if (type === 'content_block_start') {
        toolNames.push(...toolNameOf(property(json, 'content_block')))
      }
      if (type === 'error') {
        failure = textProperty(property(json, 'error'), 'message') ?? 'an error without a message'
        return 'last'
      }
      if (type !== 'message_stop') return 'pass'
      isComplete = true
      return 'last'
    },
    findings: () => ({
      usage: mergeUsage(started, ended),
      toolNames,
      terms: readTerms(started),
    }),
    isComplete: () => isComplete,
    failure: () => failure,
    partial: () => readUsage(started) ?? nothingTold,
  }
}

/** `message_start` tells the prompt, the last `message_delta` the completion. */
function mergeUsage(started: unknown, ended: unknown): TokenUsage | undefined {
  if (typeof started !== 'object' || started === null || ended === undefined) return undefined
  const counted = typeof ended === 'object' && ended !== null ? ended : {}
  return readUsage({ ...started, ...counted })
}
