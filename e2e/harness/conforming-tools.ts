// Tools of the conforming server, as the official suite describes them.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import type {
  CallToolRequest,
  CallToolResult,
  ServerNotification,
  ServerRequest,
  Tool,
} from '@modelcontextprotocol/sdk/types.js'
import { CreateMessageResultSchema, ElicitResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { png, wav } from './conforming-content.ts'

type Call = {
  request: CallToolRequest
  extra: RequestHandlerExtra<ServerRequest, ServerNotification>
}

const pauseMs = 50
const nothing = { type: 'object' as const, properties: {} }

function textInput(name: string) {
  return { type: 'object' as const, properties: { [name]: { type: 'string' } }, required: [name] }
}

export const tools: readonly Tool[] = [
  ...[
    'test_simple_text',
    'test_image_content',
    'test_audio_content',
    'test_embedded_resource',
    'test_multiple_content_types',
    'test_tool_with_logging',
    'test_tool_with_progress',
    'test_error_handling',
    'test_reconnection',
    'test_elicitation_sep1034_defaults',
    'test_elicitation_sep1330_enums',
  ].map((name) => ({ name, description: `The tool ${name}.`, inputSchema: nothing })),
  { name: 'test_sampling', description: 'Asks a model.', inputSchema: textInput('prompt') },
  { name: 'test_elicitation', description: 'Asks the user.', inputSchema: textInput('message') },
  {
    name: 'json_schema_2020_12_tool',
    description: 'Tool with JSON Schema 2020-12 features',
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: {
          type: 'object',
          properties: { street: { type: 'string' }, city: { type: 'string' } },
        },
      },
      properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
      additionalProperties: false,
    },
  },
]

const image = { type: 'image' as const, data: png, mimeType: 'image/png' }

export async function callTool(server: Server, call: Call): Promise<CallToolResult> {
  const { name, arguments: args = {} } = call.request.params
  switch (name) {
    case 'test_simple_text':
      return textResult('This is a simple text response for testing.')
    case 'test_image_content':
      return { content: [image] }
    case 'test_audio_content':
      return { content: [{ type: 'audio', data: wav, mimeType: 'audio/wav' }] }
    case 'test_embedded_resource':
      return { content: [resource('test://embedded-resource', 'text/plain', 'Embedded.')] }
    case 'test_multiple_content_types': {
      const mixed = resource('test://mixed-content-resource', 'application/json', '{"value":123}')
      return { content: [{ type: 'text', text: 'Multiple content types:' }, image, mixed] }
    }
    case 'test_tool_with_logging':
      return logAlong(call)
    case 'test_tool_with_progress':
      return progressAlong(call)
    case 'test_error_handling':
      return {
        ...textResult('This tool intentionally returns an error for testing'),
        isError: true,
      }
    case 'test_reconnection':
      return textResult('The stream was not closed in between.')
    case 'json_schema_2020_12_tool':
      return textResult(JSON.stringify(args))
    default:
      return askClient(server, call)
  }
}

function resource(uri: string, mimeType: string, text: string) {
  return { type: 'resource' as const, resource: { uri, mimeType, text } }
}

function textResult(text: string): CallToolResult {
  return { content: [{ type: 'text', text }] }
}

async function logAlong({ extra }: Call): Promise<CallToolResult> {
  const steps = ['Tool execution started', 'Tool processing data', 'Tool execution completed']
  for (const data of steps) {
    await extra.sendNotification({
      method: 'notifications/message',
      params: { level: 'info', data },
    })
    await sleep(pauseMs)
  }
  return textResult('logged')
}

async function progressAlong({ extra, request }: Call): Promise<CallToolResult> {
  const progressToken = request.params._meta?.progressToken
  for (const progress of [0, 50, 100]) {
    if (progressToken !== undefined) {
      const params = { progressToken, progress, total: 100 }
      await extra.sendNotification({ method: 'notifications/progress', params })
    }
    await sleep(pauseMs)
  }
  return textResult('progressed')
}

const text = { type: 'string' }
const options = ['option1', 'option2', 'option3']
const titled = [
  { const: 'value1', title: 'First' },
  { const: 'value2', title: 'Second' },
]

const elicited: Readonly<Record<string, object>> = {
  test_elicitation: { username: text, email: text },
  test_elicitation_sep1034_defaults: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
  test_elicitation_sep1330_enums: {
    untitledSingle: { type: 'string', enum: options },
    titledSingle: { type: 'string', oneOf: titled },
    legacyEnum: { type: 'string', enum: ['opt1', 'opt2'], enumNames: ['One', 'Two'] },
    untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
    titledMulti: { type: 'array', items: { anyOf: titled } },
  },
}

/** Asks the client for what only it has: its model, or its user. */
async function askClient(server: Server, { request, extra }: Call): Promise<CallToolResult> {
  const { name, arguments: args } = request.params
  const has = server.getClientCapabilities()
  if (name === 'test_sampling') {
    if (has?.sampling === undefined) return refused('sampling')
    const content = { type: 'text' as const, text: String(args?.['prompt']) }
    const params = { messages: [{ role: 'user' as const, content }], maxTokens: 100 }
    const asked = { method: 'sampling/createMessage' as const, params }
    const reply = await extra.sendRequest(asked, CreateMessageResultSchema)
    return textResult(`LLM response: ${JSON.stringify(reply.content)}`)
  }
  const properties = elicited[name]
  if (properties === undefined) return { ...textResult(`there is no tool ${name}`), isError: true }
  if (has?.elicitation === undefined) return refused('elicitation')
  const params = {
    mode: 'form',
    message: 'Please fill this in',
    requestedSchema: { type: 'object', properties },
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the schemas are the suite's own
  const asked = { method: 'elicitation/create', params } as unknown as ServerRequest
  const reply = await extra.sendRequest(asked, ElicitResultSchema)
  return textResult(`User response: ${JSON.stringify(reply)}`)
}

function refused(what: string): CallToolResult {
  return { ...textResult(`the client has no ${what}`), isError: true }
}
