// What a tool answered, as data.
import type { CallToolResult as AnyToolResult } from '@modelcontextprotocol/client'
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

/**
 * A result of either revision as one that both can carry. Since 2026-07-28 structured content may be
 * any JSON; what is no object is told as text, because older clients refuse it.
 */
export function toToolResult(result: AnyToolResult): CallToolResult {
  const { structuredContent, content, isError, _meta } = result
  const isText = structuredContent !== undefined && !isRecord(structuredContent)
  const text = { type: 'text' as const, text: JSON.stringify(structuredContent) }
  return {
    content: isText && content.length === 0 ? [text] : content,
    ...(isRecord(structuredContent) ? { structuredContent } : {}),
    ...(isError === undefined ? {} : { isError }),
    ...(_meta === undefined ? {} : { _meta }),
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
