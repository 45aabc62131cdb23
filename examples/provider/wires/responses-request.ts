// OpenAI Responses, in.
import { type Asked, type Attachment, BadRequest, type ToolChoice } from '../asked.ts'
import { fromFile, fromReference, fromUrl } from '../attachments.ts'
import { checkFields, checkResponsesTools } from '../check-fields.ts'
import type { Flavour } from '../flavours.ts'
import { countField, field, type Json, listField, textField } from '../json.ts'
import { createPrompt, type Prompt } from '../prompt.ts'

/** What the provider kept of this conversation. */
export type Earlier = {
  /** Of the conversation that `previous_response_id` names; 0: it names none. */
  readonly tokens: number
  /** An item of a stored reply. */
  readonly findItem: (id: string) => unknown
}

export function readResponses(body: Json, flavour: Flavour, earlier: Earlier): Asked {
  if (flavour.isStrict) checkFields('responses', body)
  const model = textField(body, 'model')
  if (model === undefined) throw new BadRequest("Missing required parameter: 'model'.")
  const { input } = body
  if (typeof input !== 'string' && !Array.isArray(input)) {
    throw new BadRequest("Missing required parameter: 'input'.", { param: 'input' })
  }
  const items = (typeof input === 'string' ? [{ role: 'user', content: input }] : input).map(
    (item: unknown) => resolveItem(item, earlier),
  )
  checkResponsesTools(items, earlier.tokens > 0)
  const prompt = createPrompt()
  const tools = listField(body, 'tools').flatMap((tool) => readTool(tool, prompt))
  const instructions = textField(body, 'instructions')
  if (instructions !== undefined) {
    prompt.addMessage()
    prompt.addText(instructions)
  }
  const read = readItems(items, prompt)
  const format = field(body['text'], 'format')
  const effort = textField(body['reasoning'], 'effort')
  const { promptTokens, prefixes } = prompt.counted()
  return {
    wire: 'responses',
    model,
    stream: body['stream'] === true,
    wantsUsage: true,
    ...read,
    tools,
    toolChoice: readToolChoice(body['tool_choice']),
    isParallel: body['parallel_tool_calls'] !== false,
    schema: readSchema(format),
    maxTokens: countField(body, 'max_output_tokens'),
    reasons: effort !== undefined && effort !== 'none',
    choices: 1,
    promptTokens: promptTokens + earlier.tokens,
    prefixes,
  }
}

function resolveItem(item: unknown, earlier: Earlier): unknown {
  if (field(item, 'type') !== 'item_reference') return item
  const id = textField(item, 'id') ?? ''
  const found = earlier.findItem(id)
  if (found !== undefined) return found
  throw new BadRequest(`Item with id '${id}' not found.`, { param: 'input' })
}

function readTool(tool: unknown, prompt: Prompt): { name: string; parameters: unknown }[] {
  prompt.addText(JSON.stringify(tool))
  const name = textField(tool, 'name')
  if (field(tool, 'type') !== 'function') return []
  if (name === undefined) throw new BadRequest("Missing required parameter: 'tools[0].name'.")
  return [{ name, parameters: field(tool, 'parameters') }]
}

function readItems(
  items: readonly unknown[],
  prompt: Prompt,
): Pick<Asked, 'instruction' | 'toolResults' | 'attachments'> {
  const attachments: Attachment[] = []
  let instruction = ''
  let toolResults: string[] = []
  for (const item of items) {
    prompt.addMessage()
    const type = textField(item, 'type') ?? 'message'
    if (type === 'message') {
      const text = readContent(field(item, 'content'), attachments, prompt)
      if (field(item, 'role') === 'user') {
        instruction = text
        toolResults = []
      }
    } else if (type === 'function_call_output') {
      toolResults.push(readContent(field(item, 'output'), attachments, prompt))
    } else if (type === 'function_call' || type === 'reasoning') {
      prompt.addText(JSON.stringify(item))
    } else {
      throw new BadRequest(`Invalid value: '${type}'.`, { param: 'input' })
    }
    prompt.mark('automatic')
  }
  return { instruction, toolResults, attachments }
}

function readContent(content: unknown, attachments: Attachment[], prompt: Prompt): string {
  const parts = typeof content === 'string' ? [{ type: 'input_text', text: content }] : content
  const texts: string[] = []
  for (const part of Array.isArray(parts) ? parts : []) {
    const type = field(part, 'type')
    const text = textField(part, 'text') ?? textField(part, 'refusal')
    if (text !== undefined && /^(?:input_text|output_text|refusal)$/.test(String(type))) {
      prompt.addText(text)
      texts.push(text)
      continue
    }
    const attachment = readAttachment(part)
    if (attachment === undefined) {
      throw new BadRequest(`Invalid value: '${String(type)}'.`, { param: 'input' })
    }
    prompt.addAttachment(attachment)
    attachments.push(attachment)
  }
  return texts.join('\n')
}

function readAttachment(part: unknown): Attachment | undefined {
  const type = field(part, 'type')
  if (type === 'input_file') return fromFile(part)
  if (type !== 'input_image') return undefined
  const url = textField(part, 'image_url')
  if (url !== undefined) return fromUrl('image', url)
  const id = textField(part, 'file_id')
  return id === undefined ? undefined : fromReference('image', 'file', id)
}

function readToolChoice(choice: unknown): ToolChoice {
  if (choice === 'none' || choice === 'required') return choice
  const name = field(choice, 'type') === 'function' ? textField(choice, 'name') : undefined
  return name === undefined ? 'auto' : { name }
}

function readSchema(format: unknown): unknown {
  const type = field(format, 'type')
  if (type === 'json_object') return { type: 'object', properties: { answer: { type: 'string' } } }
  return type === 'json_schema' ? field(format, 'schema') : undefined
}
