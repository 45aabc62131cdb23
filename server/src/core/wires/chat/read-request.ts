// A Chat Completions request into the neutral form.
import type {
  Conversation,
  InputPart,
  OutputFormat,
  OutputPart,
  Pair,
  Tool,
  ToolChoice,
  Turn,
} from '../conversation.ts'
import { Fields } from '../fields.ts'
import { readShared, readUserId } from '../openai-members.ts'
import { readInputParts, readTextParts } from './read-parts.ts'

/** Throws `request.invalid` and `request.untranslatable`. */
export function readChatRequest(body: unknown, pair: Pair): Conversation {
  const fields = new Fields(pair, body, '')
  const openai = readShared(fields)
  const verbosity = fields.text('verbosity')
  const stop = fields.take('stop')
  const stops = typeof stop === 'string' ? [stop] : fields.texts('stop')
  const effort = fields.text('reasoning_effort')
  const outputTokens = fields.number('max_completion_tokens')
  const olderOutputTokens = fields.number('max_tokens')
  readStreamOptions(fields)
  const conversation: Conversation = {
    model: fields.needText('model'),
    stream: fields.flag('stream') ?? false,
    turns: fields.list('messages').map(({ value, at }) => readMessage(new Fields(pair, value, at))),
    tools: fields.list('tools').map(({ value, at }) => readTool(new Fields(pair, value, at))),
    toolChoice: readToolChoice(fields),
    parallelToolCalls: fields.flag('parallel_tool_calls'),
    outputTokens: outputTokens ?? olderOutputTokens,
    temperature: fields.number('temperature'),
    topP: fields.number('top_p'),
    stop: stops.length === 0 ? undefined : { at: 'stop', value: stops },
    format: readFormat(fields),
    effort: effort === undefined ? undefined : { at: 'reasoning_effort', value: effort },
    verbosity: verbosity === undefined ? undefined : { at: 'verbosity', value: verbosity },
    userId: readUserId(openai),
    openai,
  }
  refuseWhatOthersLack(fields)
  fields.end()
  return conversation
}

/** Both have a default that asks for nothing; clients like to send it. */
function refuseWhatOthersLack(fields: Fields): void {
  fields.only('n', 1)
  fields.only('logprobs', false)
  fields.only('top_logprobs', 0)
  fields.only('frequency_penalty', 0)
  fields.only('presence_penalty', 0)
  fields.only('logit_bias')
  const modalities = fields.list('modalities')
  if (modalities.some(({ value }) => value !== 'text')) throw fields.refuse('modalities')
}

function readStreamOptions(fields: Fields): void {
  const options = fields.fields('stream_options')
  // Usage is always asked for; whether the client sees it is the affair of its stream's writer.
  options?.leaveOut('include_usage', 'include_obfuscation')
  options?.end()
}

function readMessage(message: Fields): Turn {
  const role = message.needText('role')
  const turn = readTurn(message, role)
  message.only('name')
  message.end()
  return turn
}

function readTurn(message: Fields, role: string): Turn {
  const at = message.at()
  switch (role) {
    case 'system':
    case 'developer':
      return { role, at, parts: readTextParts(message) }
    case 'user':
      return { role, at, parts: readInputParts(message) }
    case 'assistant':
      return { role, at, parts: readAssistantParts(message) }
    case 'tool': {
      const parts: InputPart[] = readTextParts(message)
      return { role, at, callId: message.needText('tool_call_id'), parts, isError: false }
    }
    default:
      throw message.refuse('role', role)
  }
}

function readAssistantParts(message: Fields): OutputPart[] {
  const parts: OutputPart[] = readTextParts(message, (part) => ({
    type: 'refusal',
    text: part.needText('refusal'),
  }))
  const refusal = message.text('refusal')
  if (refusal !== undefined) parts.push({ type: 'refusal', text: refusal })
  for (const { value, at } of message.list('tool_calls')) {
    parts.push(readToolCall(new Fields(message.pair, value, at)))
  }
  message.only('annotations')
  // Thoughts of earlier turns, and what the official client adds to a reply that it has parsed.
  message.leaveOut('reasoning_content', 'reasoning', 'parsed')
  return parts
}

function readToolCall(call: Fields): OutputPart {
  const type = call.text('type') ?? 'function'
  if (type !== 'function') throw call.refuse('type', type)
  const called = call.needFields('function')
  const part: OutputPart = {
    type: 'tool_call',
    id: call.needText('id'),
    name: called.needText('name'),
    arguments: called.needText('arguments'),
  }
  called.leaveOut('parsed_arguments')
  called.end()
  call.leaveOut('index')
  call.end()
  return part
}

function readTool(tool: Fields): Tool {
  const type = tool.needText('type')
  if (type !== 'function') throw tool.refuse('type', type)
  const definition = tool.needFields('function')
  const read = {
    name: definition.needText('name'),
    description: definition.text('description'),
    schema: definition.object('parameters') ?? { type: 'object', properties: {} },
    strict: definition.flag('strict'),
  }
  definition.end()
  tool.end()
  return read
}

function readToolChoice(fields: Fields): ToolChoice | undefined {
  const choice = fields.take('tool_choice')
  if (choice === undefined) return undefined
  if (choice === 'auto' || choice === 'none' || choice === 'required') return { type: choice }
  if (typeof choice === 'string') throw fields.refuse('tool_choice', choice)
  const named = new Fields(fields.pair, choice, 'tool_choice')
  const type = named.needText('type')
  if (type !== 'function') throw named.refuse('type', type)
  const name = named.needFields('function').needText('name')
  return { type: 'named', name }
}

function readFormat(fields: Fields): OutputFormat | undefined {
  const format = fields.fields('response_format')
  if (format === undefined) return undefined
  const type = format.needText('type')
  if (type === 'text') return undefined
  if (type === 'json_object') return { type, at: format.at() }
  if (type !== 'json_schema') throw format.refuse('type', type)
  const described = format.needFields('json_schema')
  const schema = described.object('schema')
  if (schema === undefined) throw described.refuse('schema', 'it is needed there')
  const read: OutputFormat = {
    type,
    at: described.at(),
    name: described.text('name'),
    description: described.text('description'),
    schema,
    strict: described.flag('strict'),
  }
  described.end()
  format.end()
  return read
}
