// `tools/list` for an agent: what the pact permits, as it was enrolled, page by page. What the
// server lists at this moment plays no part.
import { ProtocolError, ProtocolErrorCode, type Tool } from '@modelcontextprotocol/server'
import { isToolInTask } from '../../../core/decision/task.ts'
import type { CompiledTool } from '../../../core/pact/compiled.ts'
import type { Gateway } from '../../gateway.ts'
import type { LoadedPact } from '../../pacts.ts'
import type { McpExchange } from './exchange.ts'
import { listGatewayTools } from './gateway-tools.ts'
import { type FeatureGrants, isFeatureTool } from '../servers/features.ts'

const pageSize = 250

export type ToolPage = { readonly tools: Tool[]; readonly nextCursor?: string }

/** Throws -32602 for a cursor that is not one of ours, `auth.revoked_key`. */
export async function listPermitted(
  gateway: Gateway,
  exchange: McpExchange,
  request: { readonly cursor: string | undefined; readonly isModern: boolean },
): Promise<ToolPage> {
  const { headers } = exchange.request
  const principal = await gateway.identifier.identifyForList(headers, exchange.sessionKey, 'tools')
  const loaded = await gateway.pacts.active(principal)
  const names = permittedNames(loaded, { server: exchange.server, task: principal.task })
  const from = readCursor(request.cursor, loaded.pactId)
  const tools = names.slice(from, from + pageSize).flatMap((name) => {
    const tool = loaded.pact.tools.get(name)
    return tool === undefined ? [] : describeTool(loaded, { name, tool }, request.isModern)
  })
  const next = from + pageSize
  if (next >= names.length) {
    return { tools: [...tools, ...listGatewayTools(loaded, exchange.server)] }
  }
  return { tools, nextCursor: writeCursor(next, loaded.pactId) }
}

function permittedNames(
  { pact, pinned }: LoadedPact,
  { server, task }: { server: string; task: string },
): string[] {
  const settings = pact.servers.get(server)
  const grants: FeatureGrants | undefined =
    settings?.transport === 'stdio' || settings?.transport === 'http' ? settings : undefined
  return [...pact.tools]
    .filter(([name, tool]) => {
      if (tool.server !== server || !tool.listable || !pinned.has(name)) return false
      return isToolInTask(pact, task, name) && !isFeatureTool(grants, tool.tool)
    })
    .map(([name]) => name)
}

function describeTool(
  { pinned }: LoadedPact,
  { name, tool }: { name: string; tool: CompiledTool },
  isModern: boolean,
): Tool[] {
  const enrolled = pinned.get(name)
  if (enrolled === undefined) return []
  const { description, inputSchema, outputSchema } = enrolled
  return [
    {
      name: tool.tool,
      description,
      inputSchema: { ...inputSchema, type: 'object' },
      // Older clients check even a refusal against it, and a refusal is no output of the tool.
      ...(isModern && outputSchema !== undefined ? { outputSchema: { ...outputSchema } } : {}),
      annotations: {
        readOnlyHint: tool.effectClass === 'read',
        destructiveHint: tool.effectClass === 'irreversible',
        idempotentHint: true,
      },
    },
  ]
}

/** Bound to the pact, because another pact has other tools in another order. */
function writeCursor(from: number, pactId: string): string {
  return Buffer.from(`${from} ${pactId}`).toString('base64url')
}

const cursorPattern = /^(\d{1,6}) (.+)$/
const cursorCharsMax = 200

function readCursor(cursor: string | undefined, pactId: string): number {
  if (cursor === undefined) return 0
  const text = Buffer.from(cursor.slice(0, cursorCharsMax), 'base64url').toString('utf8')
  const [, from, ofPact] = cursorPattern.exec(text) ?? []
  if (from !== undefined && ofPact === pactId) return Number(from)
  const message = 'the cursor is unknown here: list from the beginning'
  throw new ProtocolError(ProtocolErrorCode.InvalidParams, message)
}
