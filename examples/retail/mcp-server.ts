// The shop as an MCP server: who calls in which session, and under which effect key.
import { setTimeout as sleep } from 'node:timers/promises'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import {
  CallToolRequestSchema,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'
import { runTool } from './shop/run-tool.ts'
import type { ToolResult } from './shop/run-tool.ts'
import type { Shop } from './shop/shop.ts'
import { createWorld } from './shop/world.ts'
import { findTool, toolDefinitions } from './tools.ts'

const SESSION_KEY = 'airworthy/session'
const EFFECT_KEY = 'airworthy/effect-key'
const DEFAULT_WORLD = 'default'

// PostgreSQL text cannot hold a NUL.
const hasNoNul = (value: string) => !value.includes('\0')

const metaSchema = z.object({
  [SESSION_KEY]: z.string().min(1).max(200).refine(hasNoNul).optional(),
  [EFFECT_KEY]: z.string().min(1).max(500).refine(hasNoNul).optional(),
})

// One for the whole process. `hurry` cuts artificial delays short, for good; `idle` settles when no
// call is running.
export type Desk = {
  call: (request: CallRequest) => Promise<ToolResult>
  hurry: () => void
  idle: () => Promise<void>
}

type CallRequest = { name: string; arguments: unknown; meta: unknown }

export function openDesk(
  shop: Shop,
  options: { seedName: string; delayMs: number; delayAfterCommitMs: number },
): Desk {
  const running = new Set<Promise<ToolResult>>()
  const hurried = new AbortController()
  const pause = async (ms: number) => {
    if (ms > 0) await sleep(ms, undefined, { signal: hurried.signal }).catch(() => undefined)
  }
  const perform = async (request: CallRequest): Promise<ToolResult> => {
    const meta = metaSchema.safeParse(request.meta ?? {})
    // Guessing a session would let a write land in a world that nobody looks at.
    if (!meta.success)
      return { isError: true, text: 'Error: the session or effect key is unusable' }
    const world = meta.data[SESSION_KEY] ?? DEFAULT_WORLD
    const effectKey = meta.data[EFFECT_KEY]
    await pause(options.delayMs)
    await createWorld(shop, world, options.seedName)
    const result = await runTool(shop, {
      world,
      tool: request.name,
      arguments: request.arguments ?? {},
      ...(effectKey === undefined ? {} : { effectKey }),
    })
    const isWritten = !result.isError && findTool(request.name)?.kind === 'write'
    if (isWritten) await pause(options.delayAfterCommitMs)
    return result
  }
  return {
    call: async (request) => {
      const call = perform(request)
      running.add(call)
      try {
        return await call
      } finally {
        running.delete(call)
      }
    },
    hurry: () => hurried.abort(),
    idle: async () => {
      while (running.size > 0) await Promise.allSettled(running)
    },
  }
}

export function createMcpServer(desk: Desk): McpServer {
  const mcp = new McpServer(
    { name: 'retail-support-desk', version: '0.1.0' },
    { capabilities: { tools: {} } },
  )
  // The definitions carry their own schemas and error texts, so the handlers are set by hand.
  mcp.server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: toolDefinitions.map(({ name, description, inputSchema, annotations }) => ({
      name,
      description,
      inputSchema,
      annotations,
    })),
  }))
  mcp.server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    const { name, arguments: input, _meta: meta } = params
    try {
      const { isError, text } = await desk.call({ name, arguments: input, meta })
      return { isError, content: [{ type: 'text', text }] }
    } catch (error) {
      // Not a tool result: when the database goes away during a commit, nobody knows the outcome.
      console.error(`retail: ${name} failed`, error)
      throw new McpError(ErrorCode.InternalError, 'the shop could not finish the call')
    }
  })
  return mcp
}
