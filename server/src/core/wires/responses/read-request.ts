// A Responses request into the neutral form. What leans on what the provider keeps
// (`previous_response_id`, `conversation`, `prompt`, `background`) has no like elsewhere.
import type { Conversation, OutputFormat, Pair, Tool, ToolChoice } from '../conversation.ts'
import { Fields } from '../fields.ts'
import { readShared, readUserId } from '../openai-members.ts'
import { readItems } from './read-items.ts'

/** Throws `request.invalid` and `request.untranslatable`. */
export function readResponsesRequest(body: unknown, pair: Pair): Conversation {
  const fields = new Fields(pair, body, '')
  const openai = readShared(fields)
  const text = fields.fields('text')
  const verbosity = text?.text('verbosity')
  const effort = readEffort(fields)
  const conversation: Conversation = {
    model: fields.needText('model'),
    stream: fields.flag('stream') ?? false,
    turns: [...readInstructions(fields), ...readItems(fields)],
    tools: fields.list('tools').map(({ value, at }) => readTool(new Fields(pair, value, at))),
    toolChoice: readToolChoice(fields),
    parallelToolCalls: fields.flag('parallel_tool_calls'),
    outputTokens: fields.number('max_output_tokens'),
    temperature: fields.number('temperature'),
    topP: fields.number('top_p'),
    stop: undefined,
    format: readFormat(text?.fields('format')),
    effort: effort === undefined ? undefined : { at: 'reasoning.effort', value: effort },
    verbosity: verbosity === undefined ? undefined : { at: 'text.verbosity', value: verbosity },
    userId: readUserId(openai),
    openai,
  }
  text?.end()
  refuseWhatOthersLack(fields)
  fields.end()
  return conversation
}

function readInstructions(fields: Fields): Conversation['turns'] {
  const text = fields.text('instructions')
  if (text === undefined || text === '') return []
  return [{ role: 'developer', at: 'instructions', parts: [{ type: 'text', text }] }]
}

/** A summary is told wherever the model's thoughts are. */
function readEffort(fields: Fields): string | undefined {
  const reasoning = fields.fields('reasoning')
  const effort = reasoning?.text('effort')
  reasoning?.leaveOut('summary', 'generate_summary')
  reasoning?.end()
  return effort
}

/** All have a default that asks for nothing; clients like to send it. */
function refuseWhatOthersLack(fields: Fields): void {
  fields.only('background', false)
  fields.only('truncation', 'disabled')
  fields.only('top_logprobs', 0)
  for (const { value, at } of fields.list('include')) {
    if (value !== 'reasoning.encrypted_content') throw fields.refuse(at, String(value))
  }
  const options = fields.fields('stream_options')
  options?.leaveOut('include_obfuscation')
  options?.end()
}

function readTool(tool: Fields): Tool {
  const type = tool.needText('type')
  if (type !== 'function') throw tool.refuse('type', type)
  const read = {
    name: tool.needText('name'),
    description: tool.text('description'),
    schema: tool.object('parameters') ?? { type: 'object', properties: {} },
    strict: tool.flag('strict'),
  }
  tool.only('async', false)
  tool.only('defer_loading', false)
  const callers = tool.list('allowed_callers')
  if (callers.some(({ value }) => value !== 'direct')) throw tool.refuse('allowed_callers')
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
  return { type: 'named', name: named.needText('name') }
}

function readFormat(format: Fields | undefined): OutputFormat | undefined {
  if (format === undefined) return undefined
  const type = format.needText('type')
  if (type === 'text') return undefined
  if (type === 'json_object') return { type, at: format.at() }
  const schema = format.object('schema')
  if (type !== 'json_schema' || schema === undefined) throw format.refuse('type', type)
  const read: OutputFormat = {
    type,
    at: format.at(),
    name: format.text('name'),
    description: format.text('description'),
    schema,
    strict: format.flag('strict'),
  }
  format.end()
  return read
}
