// Resources and prompts of the conforming server, as the official suite describes them.
import type {
  GetPromptResult,
  ListPromptsResult,
  ListResourcesResult,
  ListResourceTemplatesResult,
  ReadResourceResult,
} from '@modelcontextprotocol/sdk/types.js'
import { McpError } from '@modelcontextprotocol/sdk/types.js'

/** One red pixel. */
export const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
/** No sample at all. */
export const wav = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA='

export function listResources(): ListResourcesResult {
  return {
    resources: [
      { uri: 'test://static-text', name: 'text', description: 'A text.', mimeType: 'text/plain' },
      {
        uri: 'test://static-binary',
        name: 'image',
        description: 'A pixel.',
        mimeType: 'image/png',
      },
      { uri: 'test://watched-resource', name: 'watched', description: 'It may change.' },
    ],
  }
}

export function listTemplates(): ListResourceTemplatesResult {
  const uriTemplate = 'test://template/{id}/data'
  return { resourceTemplates: [{ uriTemplate, name: 'data', description: 'Data by id.' }] }
}

export function readResource(uri: string): ReadResourceResult {
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1]
  if (id !== undefined) {
    const text = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` })
    return { contents: [{ uri, mimeType: 'application/json', text }] }
  }
  switch (uri) {
    case 'test://static-text': {
      const text = 'This is the content of the static text resource.'
      return { contents: [{ uri, mimeType: 'text/plain', text }] }
    }
    case 'test://static-binary':
      return { contents: [{ uri, mimeType: 'image/png', blob: png }] }
    case 'test://watched-resource':
      return { contents: [{ uri, mimeType: 'text/plain', text: 'Watched.' }] }
    default:
      throw new McpError(-32_002, `there is no resource ${uri}`)
  }
}

const required = ['arg1', 'arg2']

export function listPrompts(): ListPromptsResult {
  const args = required.map((name) => ({ name, description: `${name}.`, required: true }))
  const uri = [{ name: 'resourceUri', description: 'Which resource.', required: true }]
  return {
    prompts: [
      { name: 'test_simple_prompt', description: 'Has no arguments.' },
      { name: 'test_prompt_with_arguments', description: 'Has two.', arguments: args },
      { name: 'test_prompt_with_embedded_resource', description: 'A resource.', arguments: uri },
      { name: 'test_prompt_with_image', description: 'Has an image.' },
    ],
  }
}

export function getPrompt(asked: {
  name: string
  arguments?: Record<string, string> | undefined
}): GetPromptResult {
  const { arg1 = '', arg2 = '', resourceUri: uri = '' } = asked.arguments ?? {}
  switch (asked.name) {
    case 'test_simple_prompt':
      return { messages: [textMessage('This is a simple prompt for testing.')] }
    case 'test_prompt_with_arguments':
      return { messages: [textMessage(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)] }
    case 'test_prompt_with_embedded_resource': {
      const resource = { uri, mimeType: 'text/plain', text: 'Embedded resource content.' }
      const embedded = { role: 'user' as const, content: { type: 'resource' as const, resource } }
      return { messages: [embedded, textMessage('Please process the resource above.')] }
    }
    case 'test_prompt_with_image': {
      const image = { type: 'image' as const, data: png, mimeType: 'image/png' }
      const message = { role: 'user' as const, content: image }
      return { messages: [message, textMessage('Please analyze the image above.')] }
    }
    default:
      throw new McpError(-32_602, `there is no prompt ${asked.name}`)
  }
}

function textMessage(text: string) {
  return { role: 'user' as const, content: { type: 'text' as const, text } }
}
