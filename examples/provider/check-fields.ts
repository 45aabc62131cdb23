// What the strict providers refuse before they think: fields they do not know, and conversations
// whose tool calls and results do not fit together. A gateway that translates badly fails here.
import { BadRequest, type Wire } from './asked.ts'
import { field, listField, textField, type Json } from './json.ts'

const shared =
  'model metadata service_tier stream temperature top_p tools tool_choice user store ' +
  'parallel_tool_calls top_logprobs prompt_cache_key prompt_cache_options prompt_cache_retention ' +
  'safety_identifier stream_options moderation'

const known: Readonly<Record<Wire, ReadonlySet<string>>> = {
  chat: names(
    `${shared} messages audio frequency_penalty function_call functions logit_bias logprobs ` +
      'max_completion_tokens max_tokens modalities n prediction presence_penalty reasoning_effort ' +
      'response_format seed stop verbosity web_search_options',
  ),
  responses: names(
    `${shared} background context_management conversation include input instructions ` +
      'max_output_tokens max_tool_calls previous_response_id prompt reasoning text truncation',
  ),
  messages: names(
    'model max_tokens messages cache_control container context_management inference_geo ' +
      'mcp_servers metadata output_config output_format service_tier speed stop_sequences stream ' +
      'system temperature thinking tool_choice tools top_k top_p',
  ),
  embeddings: names('model input encoding_format dimensions user'),
}

function names(list: string): ReadonlySet<string> {
  return new Set(list.split(' '))
}

/** Throws BadRequest for the first field that the wire does not have. */
export function checkFields(wire: Wire, body: Json): void {
  const stranger = Object.keys(body).find((name) => !known[wire].has(name))
  if (stranger === undefined) return
  if (wire === 'messages') throw new BadRequest(`${stranger}: Extra inputs are not permitted`)
  throw new BadRequest(`Unknown parameter: '${stranger}'.`, {
    code: 'unknown_parameter',
    param: stranger,
  })
}

/** Each tool message answers a call of the assistant message before it; each call is answered. */
export function checkChatTools(messages: readonly unknown[]): void {
  let open = new Set<string>()
  for (const [at, message] of messages.entries()) {
    if (field(message, 'role') === 'tool') {
      const id = textField(message, 'tool_call_id') ?? ''
      if (open.delete(id)) continue
      throw new BadRequest(`messages with role 'tool' must answer a tool call: messages.[${at}]`)
    }
    refuseOpen(open)
    open = new Set(listField(message, 'tool_calls').map((call) => textField(call, 'id') ?? ''))
  }
  refuseOpen(open)
}

/** Each function_call_output answers a function_call that came before; each call is answered. */
export function checkResponsesTools(input: readonly unknown[], isContinued: boolean): void {
  const open = new Set<string>()
  for (const item of input) {
    const id = textField(item, 'call_id') ?? ''
    const type = field(item, 'type')
    if (type === 'function_call') open.add(id)
    if (type !== 'function_call_output' || open.delete(id) || isContinued) continue
    throw new BadRequest(`No tool call found for function call output with call_id ${id}.`)
  }
  if (open.size === 0) return
  throw new BadRequest(`No tool output found for function call ${[...open].join(', ')}.`)
}

/** Each tool_use is answered by a tool_result in the very next message. */
export function checkMessagesTools(messages: readonly unknown[]): void {
  let open = new Set<string>()
  for (const [at, message] of messages.entries()) {
    for (const block of listField(message, 'content')) {
      if (field(block, 'type') !== 'tool_result') continue
      if (open.delete(textField(block, 'tool_use_id') ?? '')) continue
      throw new BadRequest(`messages.${at}: unexpected tool_use_id found in tool_result blocks`)
    }
    refuseOpen(open)
    const calls = listField(message, 'content').filter((one) => field(one, 'type') === 'tool_use')
    open = new Set(calls.map((call) => textField(call, 'id') ?? ''))
  }
  refuseOpen(open)
}

function refuseOpen(open: ReadonlySet<string>): void {
  if (open.size === 0) return
  throw new BadRequest(`tool calls without an answer right after them: ${[...open].join(', ')}`)
}
