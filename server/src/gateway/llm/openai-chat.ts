// OpenAI Chat Completions. Unknown fields are kept: the body goes on as it came, but for what must
// be asked of the upstream (usage in a stream, its own model name, a smaller limit).
import { AirworthyError } from '../../core/errors.ts'
import { CallIndexes } from '../../core/wires/chat/call-indexes.ts'
import type { TokenUsage } from '../../store/recorder/types.ts'
import { openaiError, openaiErrorEvent } from './openai-errors.ts'
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

export const openaiChat: ModelWire = {
  api: 'chat',
  upstreamPath: '/chat/completions',
  readRequest,
  changes,
  upstreamHeaders: () => ({}),
  readReply,
  createScanner,
  deltaOf: (event) => rawText(event, ['content', 'arguments', 'reasoning_content', 'refusal']),
  errorBody: openaiError,
  errorEvent: openaiErrorEvent,
}

/** More than any provider takes. */
const choicesMax = 1000
const limitNames = ['max_completion_tokens', 'max_tokens'] as const

function readRequest(body: Buffer): ModelRequest {
  const json = parseBody(body)
  const model = readModelName(json)
  if (!Array.isArray(property(json, 'messages'))) {
    throw new AirworthyError('request.invalid', '`messages` must be a list')
  }
  const choices = askedCount(json, 'n') ?? 1
  if (choices > choicesMax) {
    throw new AirworthyError('request.invalid', `\`n\` must be ${choicesMax} at most`)
  }
  const limits = limitNames.flatMap((name) => askedCount(json, name) ?? [])
  // Of two limits an upstream may know only one.
  const limit = limits.length === 0 ? undefined : Math.max(...limits)
  const streamOptions = property(json, 'stream_options')
  return {
    model,
    stream: askedFlag(json, 'stream'),
    maxOutputTokens: boundTokens(limit, choices),
    choices,
    systemText: readSystem(json),
    toolNames: listProperty(json, 'tools').flatMap(readToolName),
    wantsUsageEvent: property(streamOptions, 'include_usage') === true,
    ...readParts(json),
    dearer: readDearer(json),
    json,
  }
}

/** A function, a custom tool, or what the provider has built in. */
function readToolName(tool: unknown): string[] {
  const type = textProperty(tool, 'type')
  const name =
    textProperty(property(tool, 'function'), 'name') ??
    textProperty(property(tool, 'custom'), 'name') ??
    (type === 'function' || type === 'custom' ? undefined : type)
  return name === undefined ? [] : [name]
}

function readSystem(json: object): string | undefined {
  for (const message of listProperty(json, 'messages')) {
    const role = textProperty(message, 'role')
    if (role !== 'system' && role !== 'developer') continue
    const content = property(message, 'content')
    if (typeof content === 'string') return content
    return listProperty(message, 'content')
      .map((part) => textProperty(part, 'text') ?? '')
      .join('')
  }
  return undefined
}

function readParts(json: object): Pick<ModelRequest, 'inlineParts' | 'outside'> {
  let inlineParts = 0
  let outside = property(json, 'web_search_options') ? 'web_search_options' : undefined
  for (const message of listProperty(json, 'messages')) {
    for (const part of listProperty(message, 'content')) {
      const type = textProperty(part, 'type')
      if (type === undefined || type === 'text' || type === 'refusal') continue
      inlineParts += 1
      const url = textProperty(property(part, 'image_url'), 'url')
      if (url !== undefined && !url.startsWith('data:')) outside ??= 'an image by its URL'
      const file = textProperty(property(part, 'file'), 'file_id')
      if (file !== undefined) outside ??= 'a file by its id'
    }
  }
  return { inlineParts, outside }
}

function changes(
  request: ModelRequest,
  { endpoint, outputTokens }: Parameters<ModelWire['changes']>[1],
): Member[] {
  const members: Member[] = []
  if (endpoint.upstreamModel !== request.model) {
    members.push({ name: 'model', value: JSON.stringify(endpoint.upstreamModel) })
  }
  if (request.stream && !request.wantsUsageEvent) {
    const nested = [{ name: 'include_usage', value: 'true' }]
    members.push({ name: 'stream_options', nested })
  }
  if (outputTokens === undefined) return members
  const named = limitNames.filter((name) => countProperty(request.json, name) !== undefined)
  for (const name of named.length === 0 ? [endpoint.outputLimitField] : named) {
    members.push({ name, value: String(outputTokens) })
  }
  return members
}

function readReply(body: Buffer): ReplyFindings {
  const json = parseReply(body)
  if (!Array.isArray(property(json, 'choices'))) {
    throw new AirworthyError('upstream.invalid', 'the upstream answered no chat completion')
  }
  const names = listProperty(json, 'choices').flatMap((choice) =>
    readToolNames(property(choice, 'message')),
  )
  return { usage: readUsage(property(json, 'usage')), toolNames: names, terms: readTerms(json) }
}

function readToolNames(message: unknown): string[] {
  const names = listProperty(message, 'tool_calls').flatMap((call) => {
    const name =
      textProperty(property(call, 'function'), 'name') ??
      textProperty(property(call, 'custom'), 'name')
    return name === undefined ? [] : [name]
  })
  const legacy = textProperty(property(message, 'function_call'), 'name')
  return legacy === undefined ? names : [...names, legacy]
}

function readUsage(usage: unknown): TokenUsage | undefined {
  const promptTokens = countProperty(usage, 'prompt_tokens')
  const said = countProperty(usage, 'completion_tokens')
  // No prompt has no tokens: such usage is a way of telling none.
  if (!promptTokens || said === undefined) return undefined
  // Some leave what was thought out of the completion, and count it in the total only.
  const total = countProperty(usage, 'total_tokens') ?? 0
  const completionTokens = Math.max(said, total - promptTokens)
  const details = property(usage, 'prompt_tokens_details')
  const cached = countProperty(details, 'cached_tokens') ?? 0
  const reasoning = countProperty(property(usage, 'completion_tokens_details'), 'reasoning_tokens')
  return {
    promptTokens,
    completionTokens,
    cachedTokens: Math.min(cached, promptTokens),
    ...(reasoning ? { reasoningTokens: Math.min(reasoning, completionTokens) } : {}),
  }
}

function readTerms(json: unknown): PriceTerms | undefined {
  const serviceTier = serviceTierOf(property(json, 'service_tier'))
  const usage = property(json, 'usage')
  const heard = countProperty(property(usage, 'prompt_tokens_details'), 'audio_tokens')
  const said = countProperty(property(usage, 'completion_tokens_details'), 'audio_tokens')
  if (serviceTier === undefined && !heard && !said) return undefined
  return { serviceTier, mediaPromptTokens: heard, mediaCompletionTokens: said }
}

function createScanner(request: ModelRequest): StreamScanner {
  let usage: TokenUsage | undefined
  let terms: PriceTerms | undefined
  let isComplete = false
  let failure: string | undefined
  const toolNames: string[] = []
  const indexes = new CallIndexes()
  return {
    take: (event) => {
      const data = wholeData(event)
      if (data === '[DONE]') {
        isComplete = true
        return 'last'
      }
      // Most events are text deltas: only those that can matter are parsed.
      const mayHaveUsage = /"usage"\s*:\s*\{/.test(data)
      const mayCallTool = data.includes('"tool_calls"') || data.includes('"function_call"')
      const mayFail = data.includes('"error"')
      if (!mayHaveUsage && !mayCallTool && !mayFail) return 'pass'
      const json = parseEvent(data)
      const error = property(json, 'error')
      if (typeof error === 'object' && error !== null) {
        failure = textProperty(error, 'message') ?? 'an error without a message'
        return 'last'
      }
      const choices = listProperty(json, 'choices')
      for (const choice of choices) toolNames.push(...readToolNames(property(choice, 'delta')))
      if (mayHaveUsage) {
        usage = readUsage(property(json, 'usage')) ?? usage
        terms = readTerms(json)
      }
      const isUsageOnly = choices.length === 0 && mayHaveUsage
      if (isUsageOnly && !request.wantsUsageEvent) return 'withhold'
      return mendIndexes(choices, indexes) ? { pass: `data: ${JSON.stringify(json)}\n\n` } : 'pass'
    },
    findings: () => ({ usage, toolNames, terms }),
    isComplete: () => isComplete,
    failure: () => failure,
    partial: () => nothingTold,
  }
}

/**
 * Numbers the tool calls of a first choice that their provider did not, or numbered alike: official
 * clients put the fragments together by it. Gives whether one had to be.
 */
function mendIndexes(choices: readonly unknown[], indexes: CallIndexes): boolean {
  let isMended = false
  for (const choice of choices) {
    if ((countProperty(choice, 'index') ?? 0) !== 0) continue
    for (const call of listProperty(property(choice, 'delta'), 'tool_calls')) {
      if (typeof call !== 'object' || call === null) continue
      const index = indexes.take(call)
      if (countProperty(call, 'index') === index) continue
      Object.assign(call, { index })
      isMended = true
    }
  }
  return isMended
}
