// The neutral form as a Chat Completions request.
import type { Conversation, InputPart, OutputPart, Pair, Turn } from '../conversation.ts'
import { writeSource } from '../data-url.ts'
import { untranslatable } from '../fields.ts'
import { writeShared } from '../openai-members.ts'

export type ChatOptions = {
  readonly upstreamModel: string
  /** Instead of what the client asks. */
  readonly outputTokens: number | undefined
  readonly outputLimitField: 'max_tokens' | 'max_completion_tokens'
}

/** Throws `request.untranslatable`. A stream always asks for its usage. */
export function writeChatRequest(
  conversation: Conversation,
  pair: Pair,
  options: ChatOptions,
): object {
  const { outputTokens = conversation.outputTokens } = options
  const { temperature, topP, stop, effort, tools, parallelToolCalls, stream, verbosity } =
    conversation
  return {
    model: options.upstreamModel,
    messages: conversation.turns.flatMap((turn) => writeTurn(turn, pair)),
    ...(tools.length > 0 ? { tools: tools.map(writeTool) } : {}),
    ...writeToolChoice(conversation),
    ...(parallelToolCalls === undefined ? {} : { parallel_tool_calls: parallelToolCalls }),
    ...(outputTokens === undefined ? {} : { [options.outputLimitField]: outputTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(stop === undefined ? {} : { stop: stop.value }),
    ...(effort === undefined ? {} : { reasoning_effort: effort.value }),
    ...(verbosity === undefined ? {} : { verbosity: verbosity.value }),
    ...writeFormat(conversation),
    ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
    ...writeShared(conversation, 'chat'),
  }
}

function writeTool(tool: Conversation['tools'][number]): object {
  const { name, description, schema, strict } = tool
  const described = description === undefined ? {} : { description }
  const held = strict === undefined ? {} : { strict }
  return { type: 'function', function: { name, ...described, parameters: schema, ...held } }
}

function writeToolChoice({ toolChoice }: Conversation): object {
  if (toolChoice === undefined) return {}
  if (toolChoice.type !== 'named') return { tool_choice: toolChoice.type }
  return { tool_choice: { type: 'function', function: { name: toolChoice.name } } }
}

function writeFormat({ format }: Conversation): object {
  if (format === undefined) return {}
  if (format.type === 'json_object') return { response_format: { type: 'json_object' } }
  const { name = 'reply', description, schema, strict } = format
  const described = description === undefined ? {} : { description }
  const held = strict === undefined ? {} : { strict }
  return {
    response_format: {
      type: 'json_schema',
      json_schema: { name, ...described, schema, ...held },
    },
  }
}

function writeTurn(turn: Turn, pair: Pair): object[] {
  switch (turn.role) {
    case 'system':
    case 'developer':
      return [{ role: turn.role, content: writeInput(turn.parts, pair) }]
    case 'user':
      return [{ role: 'user', content: writeInput(turn.parts, pair) }]
    case 'assistant':
      return writeAssistant(turn.parts)
    case 'tool':
      break
  }
  return [{ role: 'tool', tool_call_id: turn.callId, content: writeResult(turn, pair) }]
}

/** A tool message holds texts only, and has no mark for a failure: the text says so. */
function writeResult(turn: Turn & { role: 'tool' }, pair: Pair): string {
  const texts = turn.parts.map((part) => {
    if (part.type === 'text') return part.text
    throw untranslatable(pair, part.at, 'a tool message holds texts only')
  })
  return `${turn.isError ? 'Error: ' : ''}${texts.join('\n')}`
}

function writeInput(parts: readonly InputPart[], pair: Pair): string | object[] {
  const [first, ...more] = parts
  if (first === undefined) return ''
  if (first.type === 'text' && more.length === 0) return first.text
  return parts.map((part) => writePart(part, pair))
}

function writePart(part: InputPart, pair: Pair): object {
  if (part.type === 'text') return { type: 'text', text: part.text }
  if (part.type === 'image') {
    const detail = part.detail === undefined ? {} : { detail: part.detail }
    return { type: 'image_url', image_url: { url: writeSource(part.source), ...detail } }
  }
  if (part.source.type !== 'base64') {
    throw untranslatable(pair, part.at, 'a file goes with its content in base64 there')
  }
  const filename = part.name ?? 'document.pdf'
  return { type: 'file', file: { filename, file_data: writeSource(part.source) } }
}

/** A turn of thoughts alone leaves nothing to say. */
function writeAssistant(parts: readonly OutputPart[]): object[] {
  const texts: { type: 'text'; text: string }[] = []
  let refusal = ''
  const calls: object[] = []
  for (const part of parts) {
    if (part.type === 'text') texts.push({ type: 'text', text: part.text })
    if (part.type === 'refusal') refusal += part.text
    if (part.type === 'tool_call') {
      const called = { name: part.name, arguments: part.arguments }
      calls.push({ id: part.id, type: 'function', function: called })
    }
  }
  const [first, second] = texts
  if (first === undefined && refusal === '' && calls.length === 0) return []
  return [
    {
      role: 'assistant',
      content: first === undefined ? null : second === undefined ? first.text : texts,
      ...(refusal === '' ? {} : { refusal }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    },
  ]
}
