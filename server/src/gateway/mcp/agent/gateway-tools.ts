// The tools that the gateway itself offers on MCP, on each tool server where they are of use.
import type { Tool } from '@modelcontextprotocol/server'
import { escalateTool } from '../../escalation/escalate-tool.ts'
import { handoverTool } from '../../handover/handover-tool.ts'
import { holdTool } from '../../holds/hold-tool.ts'
import type { LoadedPact } from '../../pacts.ts'
import type { GatewayTool } from './gateway-tool.ts'

const gatewayTools: readonly GatewayTool[] = [holdTool, escalateTool, handoverTool]

export function findGatewayTool(name: string): GatewayTool | undefined {
  return gatewayTools.find((tool) => tool.description.name === name)
}

export function listGatewayTools(loaded: LoadedPact, server: string): Tool[] {
  return gatewayTools
    .filter((tool) => tool.isListed(loaded, server))
    .map((tool) => tool.description)
}
