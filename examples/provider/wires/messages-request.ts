// Anthropic Messages, in.
import { type Asked, type Attachment, BadRequest, type ToolChoice } from '../asked.ts'
import { fromSource } from '../attachments.ts'
import { checkFields, checkMessagesTools } from '../check-fields.ts'
import { countField, field, isObject, type Json, listField, textField } from '../json.ts'
import { createPrompt, type Prompt } from '../prompt.ts'

type Reading = {
  readonly prompt: Prompt
  readonly attachments: Attachment[]
}

/** `count_tokens` takes the same body without `max_tokens`. */
export function readMessagesRequest(body: Json, needsMaxTokens = true): Asked {
  checkFields('messages', body)
  const model = textField(body, 'model')
  if (model === undefined) throw new BadRequest('model: Field required')
  const maxTokens = countField(body, 'max_tokens')
  if (needsMaxTokens && maxTokens === undefined) throw new BadRequest('max_tokens: Field required')
  const messages = listField(body, 'messages')
  if (messages.length === 0) {
    throw new BadRequest('messages: at least one message is required')
  }
  checkRoles(messages)
  checkMessagesTools(messages)
  const prompt = createPrompt()
  const reading: Reading = { prompt, attachments: [] }
  const tools = listField(body, 'tools').flatMap((tool) => readTool(tool, prompt))
  readBlocks(field(body, 'system'), reading)
  const said = readTurns(messages, reading)
  const budget = countField(body['thinking'], 'budget_tokens')
  if (budget !== undefined && budget >= (maxTokens ?? Infinity)) {
    throw new BadRequest('`max_tokens` must be greater than `thinking.budget_tokens`')
  }
  const format = field(body['output_config'], 'format') ?? body['output_format']
  return {
    wire: 'messages',
    model,
    stream: body['stream'] === true,
    wantsUsage: true,
    ...said,
    attachments: reading.attachments,
    tools,
    toolChoice: readToolChoice(body['tool_choice']),
    isParallel: field(body['tool_choice'], 'disable_parallel_tool_use') !== true,
    schema: field(format, 'type') === 'json_schema' ? field(format, 'schema') : undefined,
    maxTokens,
    reasons: ['enabled', 'adaptive'].includes(textField(body['thinking'], 'type') ?? ''),
    choices: 1,
    ...prompt.counted(),
  }
}

function checkRoles(messages: readonly unknown[]): void {
  for (const [at, message] of messages.entries()) {
    const role = field(message, 'role')
    if (role === 'user' || role === 'assistant') continue
    throw new BadRequest(`messages.${at}.role: Input should be 'user' or 'assistant'`)
  }
}

function readTool(tool: unknown, prompt: Prompt): { name: string; parameters: unknown }[] {
  const name = textField(tool, 'name')
  if (name === undefined) throw new BadRequest('tools.0.name: Field required')
  prompt.addText(JSON.stringify(tool))
  markCache(tool, prompt)
  const parameters = field(tool, 'input_schema')
  const isOwn = parameters !== undefined
  const isBuiltIn = !isOwn && ![undefined, 'custom'].includes(textField(tool, 'type'))
  if (!isOwn && !isBuiltIn) throw new BadRequest('tools.0.input_schema: Field required')
  return isBuiltIn ? [] : [{ name, parameters }]
}

function readTurns(
  messages: readonly unknown[],
  reading: Reading,
): Pick<Asked, 'instruction' | 'toolResults'> {
  let instruction = ''
  let toolResults: string[] = []
  for (const message of messages) {
    reading.prompt.addMessage()
    const { texts, results } = readBlocks(field(message, 'content'), reading)
    if (field(message, 'role') !== 'user') continue
    // A user turn may carry results, or something new to do, or both.
    if (texts.length > 0) {
      instruction = texts.join('\n')
      toolResults = []
    }
    toolResults.push(...results)
  }
  return { instruction, toolResults }
}

function readBlocks(content: unknown, reading: Reading): { texts: string[]; results: string[] } {
  const { prompt } = reading
  const texts: string[] = []
  const results: string[] = []
  if (typeof content === 'string') {
    prompt.addText(content)
    texts.push(content)
  }
  for (const block of Array.isArray(content) ? content : []) {
    const type = field(block, 'type')
    if (type === 'text') {
      const text = textField(block, 'text') ?? ''
      if (text === '') throw new BadRequest('messages: text content blocks must be non-empty')
      prompt.addText(text)
      texts.push(text)
    } else if (type === 'image' || type === 'document') {
      readAttachment(type, block, reading)
    } else if (type === 'tool_result') {
      results.push(readBlocks(field(block, 'content'), reading).texts.join('\n'))
    } else if (type === 'tool_use') {
      if (!isObject(field(block, 'input'))) {
        throw new BadRequest('messages: tool_use.input: Input should be a valid dictionary')
      }
      prompt.addText(JSON.stringify(block))
    } else if (type === 'thinking' || type === 'redacted_thinking') {
      prompt.addText(textField(block, 'thinking') ?? '')
    } else {
      throw new BadRequest(`messages: Input tag '${String(type)}' is not one of the expected tags`)
    }
    markCache(block, prompt)
  }
  return { texts, results }
}

function readAttachment(kind: Attachment['kind'], block: unknown, reading: Reading): void {
  const attachment = fromSource(kind, field(block, 'source'))
  if (attachment === undefined) throw new BadRequest(`messages: ${kind}.source: Field required`)
  reading.attachments.push(attachment)
  reading.prompt.addAttachment(attachment)
}

function markCache(block: unknown, prompt: Prompt): void {
  const control = field(block, 'cache_control')
  if (control === undefined || control === null) return
  prompt.mark(field(control, 'ttl') === '1h' ? '1h' : '5m')
}

function readToolChoice(choice: unknown): ToolChoice {
  switch (field(choice, 'type')) {
    case 'any':
      return 'required'
    case 'none':
      return 'none'
    case 'tool':
      return { name: textField(choice, 'name') ?? '' }
    default:
      return 'auto'
  }
}
