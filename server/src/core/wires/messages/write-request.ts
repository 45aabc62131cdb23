// The neutral form as a Messages request.
import type { Conversation, Pair } from '../conversation.ts'
import { untranslatable } from '../fields.ts'
import { checkForMessages } from '../openai-members.ts'
import { writeTurns } from './write-turns.ts'

export type MessagesOptions = {
  readonly upstreamModel: string
  /** Instead of what the client asks; needed where it asks for nothing, for this API demands it. */
  readonly outputTokens: number | undefined
}

/** Throws `request.untranslatable`, and `request.invalid_json` for broken arguments of old calls. */
export function writeMessagesRequest(
  conversation: Conversation,
  pair: Pair,
  options: MessagesOptions,
): object {
  if (pair.from !== 'messages') checkForMessages(conversation, pair.from)
  const outputTokens = options.outputTokens ?? conversation.outputTokens
  if (outputTokens === undefined) {
    const at = pair.from === 'responses' ? 'max_output_tokens' : 'max_completion_tokens'
    throw untranslatable(pair, at, 'a limit is needed there')
  }
  const { temperature, topP, stop, userId, tools, stream, verbosity } = conversation
  if (verbosity !== undefined && verbosity.value !== 'medium') {
    throw untranslatable(pair, verbosity.at)
  }
  if (temperature !== undefined && temperature > 1) {
    throw untranslatable(pair, 'temperature', 'it is at most 1 there')
  }
  return {
    model: options.upstreamModel,
    max_tokens: outputTokens,
    ...writeTurns(conversation.turns, pair),
    ...(tools.length > 0 ? { tools: tools.map(writeTool) } : {}),
    ...writeToolChoice(conversation),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(stop === undefined ? {} : { stop_sequences: stop.value }),
    ...writeOutput(conversation, pair),
    ...(userId === undefined ? {} : { metadata: { user_id: userId } }),
    ...(conversation.openai.get('service_tier') === 'default'
      ? { service_tier: 'standard_only' }
      : {}),
    ...(stream ? { stream: true } : {}),
  }
}

function writeTool({ name, description, schema, strict }: Conversation['tools'][number]): object {
  const described = description === undefined ? {} : { description }
  return { name, ...described, input_schema: schema, ...(strict === true ? { strict } : {}) }
}

function writeToolChoice(conversation: Conversation): object {
  const { toolChoice, tools } = conversation
  const isSingle = conversation.parallelToolCalls === false && tools.length > 0
  if (toolChoice === undefined && !isSingle) return {}
  const single = isSingle ? { disable_parallel_tool_use: true } : {}
  if (toolChoice?.type === 'none') return { tool_choice: { type: 'none' } }
  if (toolChoice?.type === 'named') {
    return { tool_choice: { type: 'tool', name: toolChoice.name, ...single } }
  }
  const type = toolChoice?.type === 'required' ? 'any' : 'auto'
  return { tool_choice: { type, ...single } }
}

const efforts = new Set(['low', 'medium', 'high', 'xhigh', 'max'])

/** How much to think, and the schema of the reply. */
function writeOutput({ effort, format }: Conversation, pair: Pair): object {
  const config: Record<string, unknown> = {}
  const members: Record<string, unknown> = {}
  if (effort?.value === 'none') members['thinking'] = { type: 'disabled' }
  else if (effort !== undefined) {
    if (!efforts.has(effort.value)) throw untranslatable(pair, effort.at, effort.value)
    config['effort'] = effort.value
  }
  if (format !== undefined) config['format'] = writeFormat(format, pair)
  if (Object.keys(config).length > 0) members['output_config'] = config
  return members
}

function writeFormat(format: NonNullable<Conversation['format']>, pair: Pair): object {
  if (format.type === 'json_object') {
    throw untranslatable(pair, format.at, 'JSON is asked for by a schema there')
  }
  if (format.description !== undefined) throw untranslatable(pair, `${format.at}.description`)
  return { type: 'json_schema', schema: format.schema }
}
