// The tool `airworthy_handover`: an agent that speaks MCP waits until its session is its own again.
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { isLive } from '../../core/handover/handover.ts'
import { handoverToolName } from '../../core/pact/gateway-tools.ts'
import type { GatewayTool } from '../mcp/agent/gateway-tool.ts'
import type { LoadedPact } from '../pacts.ts'
import { tellHandover } from './tell-handover.ts'

/** Official clients give a request up after 60 seconds. */
const waitSecondsMax = 50
const waitSecondsDefault = 30

const argumentsSchema = z.strictObject({
  version: z.int().min(0).exactOptional(),
  waitSeconds: z.int().min(0).max(waitSecondsMax).default(waitSecondsDefault),
})

export const handoverTool: GatewayTool = {
  description: {
    name: handoverToolName,
    description:
      'Waits while this session is with a person, and answers with what they wrote. While its ' +
      'state is open or taken make no other calls; ask again with the version that you heard. ' +
      'Once it is returned read the messages, then go on.',
    inputSchema: {
      type: 'object',
      properties: {
        version: {
          type: 'integer',
          minimum: 0,
          description: 'The version that you heard last: the answer waits for the next one.',
        },
        waitSeconds: {
          type: 'integer',
          minimum: 0,
          maximum: waitSecondsMax,
          default: waitSecondsDefault,
          description: 'How long to wait; 0 only asks.',
        },
      },
      additionalProperties: false,
    },
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  },
  isListed: mayHandOver,
  call: async (gateway, exchange, args) => {
    const parsed = argumentsSchema.safeParse(args)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      const message = `arguments/${issue?.path.join('/') ?? ''}: ${issue?.message ?? 'invalid'}`
      return refused('tool.arguments_invalid', message)
    }
    const { headers } = exchange.request
    const { identifier } = gateway
    const { sessionId } = await identifier.identifyForList(headers, exchange.sessionKey, 'tools')
    const { version, waitSeconds } = parsed.data
    const { signal } = exchange.abort
    const asked = { sessionId, waitMs: waitSeconds * 1000, version, signal }
    try {
      const told = await tellHandover(gateway, asked)
      return show({ handedOver: isLive(told.state), ...told })
    } catch (thrown) {
      // The model can change its plan by what it reads; of an error of the protocol it sees nothing.
      if (!(thrown instanceof AirworthyError) || thrown.code === 'internal.unexpected') throw thrown
      return refused(thrown.code, thrown.message)
    }
  },
}

/** Where a trigger may do so; an operator may with any session, and the refusal names the tool. */
function mayHandOver({ pact }: LoadedPact): boolean {
  const { escalation } = pact
  if (escalation === undefined) return false
  const bound = [...escalation.models, ...[...escalation.tools.values()].flat()]
  return bound.some((trigger) => trigger.consequence === 'handover')
}

function refused(code: string, message: string): CallToolResult {
  return { ...show({ denied: true, code, message }), isError: true }
}

function show(content: Record<string, unknown>): CallToolResult {
  return {
    content: [{ type: 'text', text: JSON.stringify(content) }],
    structuredContent: content,
  }
}
