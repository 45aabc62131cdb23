// What a tool answered, as data.
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'

/** The structured content, else the text parsed as JSON, else the text itself. */
export function parseToolResult(result: CallToolResult): unknown {
  if (result.structuredContent !== undefined) return result.structuredContent
  const text = result.content.map((part) => (part.type === 'text' ? part.text : '')).join('')
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
