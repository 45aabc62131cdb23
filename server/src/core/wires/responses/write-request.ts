// The neutral form as a Responses request.
import type { Conversation, InputPart, OutputPart, Pair, Turn } from '../conversation.ts'
import { writeSource } from '../data-url.ts'
import { untranslatable } from '../fields.ts'
import { writeShared } from '../openai-members.ts'

export type ResponsesOptions = {
  readonly upstreamModel: string
  /** Instead of what the client asks. */
  readonly outputTokens: number | undefined
}

/** Throws `request.untranslatable`. */
export function writeResponsesRequest(
  conversation: Conversation,
  pair: Pair,
  options: ResponsesOptions,
): object {
  const { outputTokens = conversation.outputTokens } = options
  const { temperature, topP, stop, effort, tools, parallelToolCalls, stream } = conversation
  if (stop !== undefined) throw untranslatable(pair, stop.at)
  return {
    model: options.upstreamModel,
    input: conversation.turns.flatMap(writeTurn),
    ...(tools.length > 0 ? { tools: tools.map(writeTool) } : {}),
    ...writeToolChoice(conversation),
    ...(parallelToolCalls === undefined ? {} : { parallel_tool_calls: parallelToolCalls }),
    ...(outputTokens === undefined ? {} : { max_output_tokens: outputTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(effort === undefined ? {} : { reasoning: { effort: effort.value } }),
    ...writeText(conversation),
    ...(stream ? { stream: true } : {}),
    ...writeShared(conversation, 'responses'),
  }
}

/** Tools are strict there unless told otherwise, and nowhere else. */
function writeTool({ name, description, schema, strict }: Conversation['tools'][number]): object {
  const described = description === undefined ? {} : { description }
  return { type: 'function', name, ...described, parameters: schema, strict: strict ?? false }
}

function writeToolChoice({ toolChoice }: Conversation): object {
  if (toolChoice === undefined) return {}
  if (toolChoice.type !== 'named') return { tool_choice: toolChoice.type }
  return { tool_choice: { type: 'function', name: toolChoice.name } }
}

function writeText({ format, verbosity }: Conversation): object {
  if (format === undefined && verbosity === undefined) return {}
  return {
    text: {
      ...(format === undefined ? {} : { format: writeFormat(format) }),
      ...(verbosity === undefined ? {} : { verbosity: verbosity.value }),
    },
  }
}

function writeFormat(format: NonNullable<Conversation['format']>): object {
  if (format.type === 'json_object') return { type: 'json_object' }
  const { name = 'reply', description, schema, strict } = format
  const described = description === undefined ? {} : { description }
  return { type: 'json_schema', name, ...described, schema, strict: strict ?? false }
}

function writeTurn(turn: Turn): object[] {
  switch (turn.role) {
    case 'assistant':
      return turn.parts.flatMap(writeOutput)
    case 'tool':
      return [{ type: 'function_call_output', call_id: turn.callId, output: writeResult(turn) }]
    case 'system':
    case 'developer':
    case 'user':
      break
  }
  return [{ type: 'message', role: turn.role, content: writeInput(turn.parts) }]
}

/** There is no mark for a failure: the text says so. */
function writeResult({ parts, isError }: Turn & { role: 'tool' }): string | object[] {
  if (!isError) return writeInput(parts)
  const [first, ...more] = parts
  if (first?.type !== 'text') return writeInput([{ type: 'text', text: 'Error' }, ...parts])
  return writeInput([{ type: 'text', text: `Error: ${first.text}` }, ...more])
}

function writeInput(parts: readonly InputPart[]): string | object[] {
  const [first, ...more] = parts
  if (first === undefined) return ''
  return first.type === 'text' && more.length === 0 ? first.text : parts.map(writePart)
}

function writePart(part: InputPart): object {
  if (part.type === 'text') return { type: 'input_text', text: part.text }
  const { source } = part
  if (part.type === 'image') {
    const detail = part.detail ?? 'auto'
    return { type: 'input_image', image_url: writeSource(part.source), detail }
  }
  if (source.type === 'url') return { type: 'input_file', file_url: source.url }
  const isText = source.type === 'text'
  const data = isText ? Buffer.from(source.text).toString('base64') : source.data
  const mediaType = isText ? 'text/plain' : source.mediaType
  const filename = part.name ?? (isText ? 'document.txt' : 'document.pdf')
  const url = writeSource({ type: 'base64', mediaType, data })
  return { type: 'input_file', filename, file_data: url }
}

function writeOutput(part: OutputPart): object[] {
  switch (part.type) {
    case 'text':
      return [{ type: 'message', role: 'assistant', content: part.text }]
    case 'refusal': {
      const content = [{ type: 'refusal', refusal: part.text }]
      return [{ type: 'message', role: 'assistant', content }]
    }
    case 'tool_call': {
      const { id, name } = part
      return [{ type: 'function_call', call_id: id, name, arguments: part.arguments }]
    }
    case 'reasoning':
      break
  }
  return []
}
