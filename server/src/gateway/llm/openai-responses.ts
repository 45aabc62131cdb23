// OpenAI Responses, without what the provider keeps between calls: a response, conversation or
// stored prompt that a request only names could be another agent's, and nobody here has seen it.
import { AirworthyError } from '../../core/errors.ts'
import { isForeignThought } from '../../core/wires/translate.ts'
import type { TokenUsage } from '../../store/recorder/types.ts'
import { openaiError } from './openai-errors.ts'
import type { Member } from './set-members.ts'
import {
  boundTokens,
  countProperty,
  askedCount,
  askedFlag,
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

export const openaiResponses: ModelWire = {
  api: 'responses',
  upstreamPath: '/responses',
  readRequest,
  changes,
  upstreamHeaders: () => ({}),
  readReply,
  createScanner,
  deltaOf: (event) => (event.includes('.delta"') ? rawText(event, ['delta']) : ''),
  errorBody: openaiError,
  errorEvent: ({ code, message, page, detail }) => {
    const event = { type: 'error', code, message, param: null, sequence_number: 0, page, detail }
    return `event: error\ndata: ${JSON.stringify(event)}\n\n`
  },
}

/** What names something that the provider keeps. */
const stateMembers = ['previous_response_id', 'conversation', 'prompt'] as const

function readRequest(body: Buffer): ModelRequest {
  const json = parseBody(body)
  const model = readModelName(json)
  const input = property(json, 'input')
  if (typeof input !== 'string' && !Array.isArray(input)) {
    throw new AirworthyError('request.invalid', '`input` must be a text or a list')
  }
  refuseState(json)
  return {
    model,
    stream: askedFlag(json, 'stream'),
    maxOutputTokens: boundTokens(askedCount(json, 'max_output_tokens')),
    choices: 1,
    systemText: readSystem(json),
    toolNames: listProperty(json, 'tools').flatMap(readToolName),
    wantsUsageEvent: true,
    ...readParts(json),
    dearer: readDearer(json),
    json,
  }
}

/** Throws `request.unsupported`. */
function refuseState(json: object): void {
  const named = stateMembers.find((name) => property(json, name) != null)
  const found =
    named ??
    (property(json, 'background') === true ? 'background' : undefined) ??
    (listProperty(json, 'input').some((item) => textProperty(item, 'type') === 'item_reference')
      ? 'item_reference'
      : undefined)
  if (found === undefined) return
  const message = `\`${found}\` names what the provider keeps: send the whole input with each call`
  throw new AirworthyError('request.unsupported', message, { detail: { field: found } })
}

function readToolName(tool: unknown): string[] {
  const name = textProperty(tool, 'name') ?? textProperty(tool, 'type')
  return name === undefined ? [] : [name]
}

function readSystem(json: object): string | undefined {
  const instructions = textProperty(json, 'instructions')
  if (instructions !== undefined) return instructions
  for (const item of listProperty(json, 'input')) {
    const role = textProperty(item, 'role')
    if (role !== 'system' && role !== 'developer') continue
    const content = property(item, 'content')
    if (typeof content === 'string') return content
    return listProperty(item, 'content')
      .map((part) => textProperty(part, 'text') ?? '')
      .join('')
  }
  return undefined
}

/** Tools that the client runs. All others run at the provider, and what they find is prompt. */
const clientTools = new Set(['function', 'custom', 'local_shell', 'apply_patch'])

function readParts(json: object): Pick<ModelRequest, 'inlineParts' | 'outside'> {
  let inlineParts = 0
  let outside: string | undefined
  for (const tool of listProperty(json, 'tools')) {
    const type = textProperty(tool, 'type') ?? ''
    if (!clientTools.has(type)) outside ??= `the tool ${type}`
  }
  for (const item of listProperty(json, 'input')) {
    const parts = [...listProperty(item, 'content'), ...listProperty(item, 'output')]
    for (const part of parts) {
      const type = textProperty(part, 'type')
      if (type !== 'input_image' && type !== 'input_file' && type !== 'input_audio') continue
      inlineParts += 1
      const url = textProperty(part, 'image_url') ?? textProperty(part, 'file_url')
      if (url !== undefined && !url.startsWith('data:')) outside ??= 'an image or file by its URL'
      if (textProperty(part, 'file_id') !== undefined) outside ??= 'a file by its id'
    }
  }
  return { inlineParts, outside }
}

function changes(
  request: ModelRequest,
  { endpoint, outputTokens }: Parameters<ModelWire['changes']>[1],
): Member[] {
  const members: Member[] = []
  const items = listProperty(request.json, 'input')
  const dropped = new Set(items.flatMap((item, index) => (isForeignThought(item) ? index : [])))
  if (dropped.size > 0) members.push({ name: 'input', dropped })
  if (endpoint.upstreamModel !== request.model) {
    members.push({ name: 'model', value: JSON.stringify(endpoint.upstreamModel) })
  }
  if (outputTokens !== undefined) {
    members.push({ name: 'max_output_tokens', value: String(outputTokens) })
  }
  return members
}

function readReply(body: Buffer): ReplyFindings {
  const json = parseReply(body)
  if (!Array.isArray(property(json, 'output'))) {
    throw new AirworthyError('upstream.invalid', 'the upstream answered no response')
  }
  const toolNames = listProperty(json, 'output').flatMap(toolNameOf)
  return { usage: readUsage(property(json, 'usage')), toolNames, terms: readTerms(json) }
}

/** `function_call` and `mcp_call` have a name of their own; `web_search_call` is web_search. */
function toolNameOf(item: unknown): string[] {
  const type = textProperty(item, 'type')
  if (type?.endsWith('_call') !== true) return []
  return [textProperty(item, 'name') ?? type.slice(0, -'_call'.length)]
}

function readTerms(response: unknown): PriceTerms | undefined {
  const serviceTier = serviceTierOf(property(response, 'service_tier'))
  return serviceTier === undefined ? undefined : { serviceTier }
}

function readUsage(usage: unknown): TokenUsage | undefined {
  const promptTokens = countProperty(usage, 'input_tokens')
  const completionTokens = countProperty(usage, 'output_tokens')
  // No prompt has no tokens: such usage is a way of telling none.
  if (!promptTokens || completionTokens === undefined) return undefined
  const cached = countProperty(property(usage, 'input_tokens_details'), 'cached_tokens') ?? 0
  const reasoning = countProperty(property(usage, 'output_tokens_details'), 'reasoning_tokens')
  return {
    promptTokens,
    completionTokens,
    cachedTokens: Math.min(cached, promptTokens),
    ...(reasoning ? { reasoningTokens: Math.min(reasoning, completionTokens) } : {}),
  }
}

function createScanner(): StreamScanner {
  let usage: TokenUsage | undefined
  let terms: PriceTerms | undefined
  let isComplete = false
  let failure: string | undefined
  const toolNames: string[] = []
  return {
    take: (event) => {
      const data = wholeData(event)
      // Deltas are nearly all events.
      if (data === '' || data.includes('.delta"')) return 'pass'
      const json = parseEvent(data)
      const type = textProperty(json, 'type')
      if (type === 'response.output_item.added') {
        toolNames.push(...toolNameOf(property(json, 'item')))
        return 'pass'
      }
      if (type === 'error') {
        failure = textProperty(json, 'message') ?? 'an error without a message'
        return 'last'
      }
      if (type === undefined || !ends.has(type)) return 'pass'
      const response = property(json, 'response')
      usage = readUsage(property(response, 'usage'))
      terms = readTerms(response)
      if (type === 'response.failed') {
        const error = textProperty(property(response, 'error'), 'message')
        failure = error ?? 'an error without a message'
      } else isComplete = true
      return 'last'
    },
    findings: () => ({ usage, toolNames, terms }),
    isComplete: () => isComplete,
    failure: () => failure,
    partial: () => nothingTold,
  }
}

const ends = new Set(['response.completed', 'response.incomplete', 'response.failed'])
