// OpenAI Chat Completions, in and out. Unknown fields are kept: the body goes on as it came, but
// for what must be asked of the upstream (usage in a stream, the upstream's own model name).
import { AirworthyError } from '../../core/errors.ts'
import type { CompiledModel } from '../../core/pact/compiled.ts'
import type { TokenUsage } from '../../store/recorder/types.ts'
import { type Member, setMembers } from './set-members.ts'
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

export const openaiChat: ModelWire = {
  name: 'openai',
  upstreamPath: '/chat/completions',
  readRequest,
  prepareBody,
  upstreamHeaders: (apiKey) => ({
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'accept-encoding': 'identity',
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
  }),
  readReply,
  createScanner,
  errorBody: (error) => ({ error: { param: null, ...error } }),
  errorEvent: (error) => `data: ${JSON.stringify({ error: { param: null, ...error } })}\n\n`,
}

function readRequest(body: Buffer): ModelRequest {
  const json = parseObject(body)
  const model = readModelName(json)
  if (!Array.isArray(property(json, 'messages'))) {
    throw new AirworthyError('request.invalid', '`messages` must be a list')
  }
  const choices = property(json, 'n')
  const count = typeof choices === 'number' && Number.isSafeInteger(choices) ? choices : 1
  const asked = countProperty(json, 'max_completion_tokens') ?? countProperty(json, 'max_tokens')
  const streamOptions = property(json, 'stream_options')
  return {
    model,
    stream: property(json, 'stream') === true,
    maxOutputTokens: boundTokens(asked, count),
    systemText: readSystem(json),
    toolNames: listProperty(json, 'tools').flatMap((tool) => {
      const name = textProperty(property(tool, 'function'), 'name')
      return name === undefined ? [] : [name]
    }),
    wantsUsageEvent: property(streamOptions, 'include_usage') === true,
  }
}

function parseObject(body: Buffer): object {
  let json: unknown
  try {
    json = JSON.parse(body.toString('utf8'))
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : 'the body is not JSON'
    throw new AirworthyError('request.invalid_json', `the body is not valid JSON: ${message}`)
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new AirworthyError('request.invalid', 'the body must be a JSON object')
  }
  return json
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

function prepareBody(body: Buffer, request: ModelRequest, model: CompiledModel): Buffer {
  const needsUsage = request.stream && !request.wantsUsageEvent
  const needsName = model.upstreamModel !== request.model
  if (!needsUsage && !needsName) return body
  const members: Member[] = []
  if (needsName) members.push({ name: 'model', value: JSON.stringify(model.upstreamModel) })
  if (needsUsage) {
    const nested = [{ name: 'include_usage', value: 'true' }]
    members.push({ name: 'stream_options', nested })
  }
  return Buffer.from(setMembers(body.toString('utf8'), members))
}

function readReply(body: Buffer): ReplyFindings {
  let json: unknown
  try {
    json = JSON.parse(body.toString('utf8'))
  } catch (cause) {
    throw new AirworthyError('upstream.invalid', 'the upstream answered no JSON', { cause })
  }
  if (!Array.isArray(property(json, 'choices'))) {
    throw new AirworthyError('upstream.invalid', 'the upstream answered no chat completion')
  }
  const names = listProperty(json, 'choices').flatMap((choice) =>
    readToolNames(property(choice, 'message')),
  )
  return { usage: readUsage(property(json, 'usage')), toolNames: names }
}

function readToolNames(message: unknown): string[] {
  const names = listProperty(message, 'tool_calls').flatMap((call) => {
    const name = textProperty(property(call, 'function'), 'name')
    return name === undefined ? [] : [name]
  })
  const legacy = textProperty(property(message, 'function_call'), 'name')
  return legacy === undefined ? names : [...names, legacy]
}

function readUsage(usage: unknown): TokenUsage | undefined {
  const promptTokens = countProperty(usage, 'prompt_tokens')
  const completionTokens = countProperty(usage, 'completion_tokens')
  if (promptTokens === undefined || completionTokens === undefined) return undefined
  const details = property(usage, 'prompt_tokens_details')
  const cached = countProperty(details, 'cached_tokens') ?? 0
  return { promptTokens, completionTokens, cachedTokens: Math.min(cached, promptTokens) }
}

function createScanner(request: ModelRequest): StreamScanner {
  let usage: TokenUsage | undefined
  let isComplete = false
  const toolNames: string[] = []
  return {
    take: (event) => {
      const data = readData(event)
      if (data === '[DONE]') {
        isComplete = true
        return 'last'
      }
      // Most events are text deltas: only those that can matter are parsed.
      const mayHaveUsage = /"usage"\s*:\s*\{/.test(data)
      const mayCallTool = data.includes('"tool_calls"') || data.includes('"function_call"')
      if (!mayHaveUsage && !mayCallTool) return 'pass'
      const json = parseEvent(data)
      const choices = listProperty(json, 'choices')
      for (const choice of choices) toolNames.push(...readToolNames(property(choice, 'delta')))
      usage = readUsage(property(json, 'usage')) ?? usage
      const isUsageOnly = choices.length === 0 && mayHaveUsage
      return isUsageOnly && !request.wantsUsageEvent ? 'withhold' : 'pass'
    },
    findings: () => ({ usage, toolNames }),
    isComplete: () => isComplete,
  }
}

function parseEvent(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch (cause) {
    throw new AirworthyError('upstream.invalid', 'the upstream sent a broken event', { cause })
  }
}

/** The data of a server-sent event (WHATWG HTML section 9.2): its `data` lines, joined. */
export function readData(event: string): string {
  if (event.startsWith('data: ') && event.indexOf('\n') === event.length - 2) {
    return event.slice(6, -2)
  }
  const lines: string[] = []
  for (const line of event.split(/\r\n|\n|\r/)) {
    if (line.startsWith('data:')) lines.push(line.slice(line[5] === ' ' ? 6 : 5))
  }
  return lines.join('\n')
}
