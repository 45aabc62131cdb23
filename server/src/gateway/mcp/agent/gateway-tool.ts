// A tool that the gateway itself offers on MCP. It makes no call: nothing is decided or dispatched.
import type { Tool } from '@modelcontextprotocol/server'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import type { Gateway } from '../../gateway.ts'
import type { LoadedPact } from '../../pacts.ts'
import type { McpExchange } from './exchange.ts'

export type GatewayTool = {
  readonly description: Tool
  /** Whether an agent is shown it on this tool server; whoever knows its name may always call it. */
  readonly isListed: (loaded: LoadedPact, server: string) => boolean
  /** Throws as a tool call does. */
  readonly call: (
    gateway: Gateway,
    exchange: McpExchange,
    args: Readonly<Record<string, unknown>>,
  ) => Promise<CallToolResult>
}
