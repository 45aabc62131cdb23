// A Messages request into the neutral form.
import type { Conversation, OutputFormat, Pair, Tool, ToolChoice } from '../conversation.ts'
import { Fields } from '../fields.ts'
import { readSystem, readTurns } from './read-turns.ts'

/** Throws `request.invalid` and `request.untranslatable`. */
export function readMessagesRequest(body: unknown, pair: Pair): Conversation {
  const fields = new Fields(pair, body, '')
  const stop = fields.texts('stop_sequences')
  const output = fields.fields('output_config')
  const effort = output?.text('effort')
  const choice = fields.fields('tool_choice')
  const openai = readTier(fields)
  const conversation: Conversation = {
    model: fields.needText('model'),
    stream: fields.flag('stream') ?? false,
    turns: [...readSystem(fields), ...readTurns(fields)],
    tools: fields.list('tools').map(({ value, at }) => readTool(new Fields(pair, value, at))),
    toolChoice: choice === undefined ? undefined : readToolChoice(choice),
    parallelToolCalls: choice?.flag('disable_parallel_tool_use') === true ? false : undefined,
    outputTokens: fields.number('max_tokens'),
    temperature: fields.number('temperature'),
    topP: fields.number('top_p'),
    stop: stop.length === 0 ? undefined : { at: 'stop_sequences', value: stop },
    format: readFormat(output?.fields('format')),
    effort: effort === undefined ? undefined : { at: 'output_config.effort', value: effort },
    verbosity: undefined,
    userId: readUser(fields),
    openai,
  }
  choice?.end()
  output?.end()
  readThinking(fields)
  fields.only('speed', 'standard')
  fields.leaveOut('cache_control')
  fields.end()
  return conversation
}

function readTool(tool: Fields): Tool {
  const type = tool.text('type') ?? 'custom'
  if (type !== 'custom') throw tool.refuse('type', type)
  const schema = tool.object('input_schema') ?? { type: 'object', properties: {} }
  const read = {
    name: tool.needText('name'),
    description: tool.text('description'),
    schema,
    strict: tool.flag('strict'),
  }
  tool.only('defer_loading', false)
  const callers = tool.list('allowed_callers')
  if (callers.some(({ value }) => value !== 'direct')) throw tool.refuse('allowed_callers')
  tool.only('input_examples')
  tool.leaveOut('cache_control', 'eager_input_streaming')
  tool.end()
  return read
}

function readToolChoice(choice: Fields): ToolChoice {
  const type = choice.needText('type')
  if (type === 'auto' || type === 'none') return { type }
  if (type === 'any') return { type: 'required' }
  if (type === 'tool') return { type: 'named', name: choice.needText('name') }
  throw choice.refuse('type', type)
}

function readFormat(format: Fields | undefined): OutputFormat | undefined {
  if (format === undefined) return undefined
  const type = format.needText('type')
  const schema = format.object('schema')
  if (type !== 'json_schema' || schema === undefined) throw format.refuse('type', type)
  format.end()
  // Anthropic holds every reply to the schema: that is what OpenAI calls strict.
  const described = { name: undefined, description: undefined, strict: true }
  return { type, at: format.at(), schema, ...described }
}

function readUser(fields: Fields): string | undefined {
  const metadata = fields.fields('metadata')
  const user = metadata?.text('user_id')
  metadata?.end()
  return user
}

/** `standard_only` is what OpenAI calls `default`; `auto` is the default of both. */
function readTier(fields: Fields): Map<string, unknown> {
  const tier = fields.text('service_tier')
  if (tier === undefined || tier === 'auto') return new Map()
  if (tier !== 'standard_only') throw fields.refuse('service_tier', tier)
  return new Map([['service_tier', 'default']])
}

/** A budget of thoughts has no like; to let the model decide, or to want to see none, is no wish. */
function readThinking(fields: Fields): void {
  const thinking = fields.fields('thinking')
  if (thinking === undefined) return
  const type = thinking.needText('type')
  if (type !== 'adaptive' && type !== 'disabled') throw thinking.refuse('type', type)
  thinking.leaveOut('display')
  thinking.end()
}
