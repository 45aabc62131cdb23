// What a tool call is answered with, whatever became of it.
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'

export type ToolReply = {
  readonly result: CallToolResult
  readonly callId: string
  readonly receipt: string
  readonly decision: string
}
