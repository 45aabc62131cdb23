// OpenAI Chat Completions, in.
import { type Asked, type Attachment, BadRequest, type ToolChoice } from '../asked.ts'
import { fromFile, fromUrl } from '../attachments.ts'
import { checkChatTools, checkFields } from '../check-fields.ts'
import type { Flavour } from '../flavours.ts'
import { countField, field, isObject, type Json, listField, textField } from '../json.ts'
import { createPrompt, type Prompt } from '../prompt.ts'

const choicesMax = 8

export function readChat(body: Json, flavour: Flavour): Asked {
  if (flavour.isStrict) checkFields('chat', body)
  const model = textField(body, 'model')
  if (model === undefined) throw new BadRequest('you must provide a model parameter')
  const messages = listField(body, 'messages')
  if (messages.length === 0) {
    throw new BadRequest("Missing required parameter: 'messages'.", { param: 'messages' })
  }
  checkOptions(body, flavour)
  if (flavour.isStrict) checkChatTools(messages)
  const prompt = createPrompt()
  const tools = listField(body, 'tools').map((tool) => readTool(tool, prompt))
  const read = readMessages(messages, prompt)
  return {
    wire: 'chat',
    model,
    stream: body['stream'] === true,
    wantsUsage: field(body['stream_options'], 'include_usage') === true,
    ...read,
    tools: tools.flat(),
    toolChoice: readToolChoice(body['tool_choice']),
    isParallel: body['parallel_tool_calls'] !== false,
    schema: readSchema(body['response_format']),
    maxTokens: countField(body, 'max_completion_tokens') ?? countField(body, 'max_tokens'),
    reasons: !['none', undefined].includes(textField(body, 'reasoning_effort')),
    choices: Math.min(choicesMax, Math.max(1, countField(body, 'n') ?? 1)),
    ...prompt.counted(),
  }
}

function checkOptions(body: Json, flavour: Flavour): void {
  if (!flavour.isStrict) return
  if (isObject(body['stream_options']) && body['stream'] !== true) {
    const message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
    throw new BadRequest(message, { param: 'stream_options' })
  }
  const isReasoner = /^(?:o\d|gpt-5)/.test(textField(body, 'model') ?? '')
  if (isReasoner && 'max_tokens' in body) {
    const message = "Unsupported parameter: 'max_tokens' is not supported with this model."
    throw new BadRequest(message, { code: 'unsupported_parameter', param: 'max_tokens' })
  }
}

function readTool(tool: unknown, prompt: Prompt): { name: string; parameters: unknown }[] {
  const described = field(tool, 'function')
  const name = textField(described, 'name')
  if (name === undefined) return []
  prompt.addText(JSON.stringify(described))
  return [{ name, parameters: field(described, 'parameters') }]
}

function readMessages(
  messages: readonly unknown[],
  prompt: Prompt,
): Pick<Asked, 'instruction' | 'toolResults' | 'attachments'> {
  const attachments: Attachment[] = []
  let instruction = ''
  let toolResults: string[] = []
  for (const message of messages) {
    prompt.addMessage()
    const text = readContent(field(message, 'content'), attachments, prompt)
    for (const call of listField(message, 'tool_calls')) {
      prompt.addText(JSON.stringify(field(call, 'function')))
    }
    const role = field(message, 'role')
    if (role === 'tool') toolResults.push(text)
    if (role === 'user') {
      instruction = text
      toolResults = []
    }
    prompt.mark('automatic')
  }
  return { instruction, toolResults, attachments }
}

function readContent(content: unknown, attachments: Attachment[], prompt: Prompt): string {
  if (typeof content === 'string') {
    prompt.addText(content)
    return content
  }
  if (!Array.isArray(content)) return ''
  const texts: string[] = []
  for (const part of content) {
    const attachment = readAttachment(part)
    const text = textField(part, 'text') ?? textField(part, 'refusal')
    if (text !== undefined) {
      prompt.addText(text)
      texts.push(text)
    } else if (attachment === undefined) {
      const type = String(field(part, 'type'))
      throw new BadRequest(`Invalid value: '${type}'.`, { param: 'messages.content.type' })
    } else {
      prompt.addAttachment(attachment)
      attachments.push(attachment)
    }
  }
  return texts.join('\n')
}

function readAttachment(part: unknown): Attachment | undefined {
  const type = field(part, 'type')
  if (type === 'file') return fromFile(field(part, 'file'))
  const url = textField(field(part, 'image_url'), 'url')
  return type === 'image_url' && url !== undefined ? fromUrl('image', url) : undefined
}

function readToolChoice(choice: unknown): ToolChoice {
  if (choice === 'none' || choice === 'required') return choice
  const name = textField(field(choice, 'function'), 'name')
  return name === undefined ? 'auto' : { name }
}

function readSchema(format: unknown): unknown {
  const type = field(format, 'type')
  if (type === 'json_object') return { type: 'object', properties: { answer: { type: 'string' } } }
  return type === 'json_schema' ? field(field(format, 'json_schema'), 'schema') : undefined
}
