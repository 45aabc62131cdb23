// The tool `airworthy_hold`: an agent that speaks MCP waits for a person.
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { holdToolName } from '../../core/pact/gateway-tools.ts'
import { mayHoldByTrigger } from '../../core/escalation/may-hold.ts'
import type { CompiledPact, CompiledTool } from '../../core/pact/compiled.ts'
import { mayHoldOutward } from '../../core/taint/trifecta.ts'
import type { LoadedPact } from '../pacts.ts'
import type { GatewayTool } from '../mcp/agent/gateway-tool.ts'
import { tellHold, type ToldHold } from './tell-hold.ts'

/** Official clients give a request up after 60 seconds. */
const waitSecondsMax = 50
const waitSecondsDefault = 30

const argumentsSchema = z.strictObject({
  hold: z.uuid(),
  waitSeconds: z.int().min(0).max(waitSecondsMax).default(waitSecondsDefault),
})

export const holdTool: GatewayTool = {
  description: {
    name: holdToolName,
    description:
      'Waits for the decision of a person about a call that was held, and answers what became of ' +
      'the call: its result once it was approved and done, an error once it was refused. While ' +
      'nobody has decided it answers held: true; ask again, or go on with something else.',
    inputSchema: {
      type: 'object',
      properties: {
        hold: { type: 'string', format: 'uuid', description: 'The id of the held call.' },
        waitSeconds: {
          type: 'integer',
          minimum: 0,
          maximum: waitSecondsMax,
          default: waitSecondsDefault,
          description: 'How long to wait; 0 only asks.',
        },
      },
      required: ['hold'],
      additionalProperties: false,
    },
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  },
  isListed: mayHold,
  call: async (gateway, exchange, args) => {
    const parsed = argumentsSchema.safeParse(args)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      const message = `arguments/${issue?.path.join('/') ?? ''}: ${issue?.message ?? 'invalid'}`
      return show({ denied: true, code: 'tool.arguments_invalid', message })
    }
    const { headers } = exchange.request
    const { identifier } = gateway
    const principal = await identifier.identifyForList(headers, exchange.sessionKey, 'tools')
    const { hold: holdId, waitSeconds } = parsed.data
    const { signal } = exchange.abort
    const asked = { principal, holdId, waitMs: waitSeconds * 1000, signal }
    try {
      return showTold(await tellHold(gateway, asked))
    } catch (thrown) {
      // The model can change its plan by what it reads; of an error of the protocol it sees nothing.
      if (!(thrown instanceof AirworthyError) || thrown.code === 'internal.unexpected') throw thrown
      return show({ denied: true, code: thrown.code, message: thrown.message })
    }
  },
}

/** Whether the pact may hold calls of this tool server. Limits are no part of it: a held call names the tool. */
function mayHold({ pact }: LoadedPact, server: string): boolean {
  const tools = [...pact.tools.values()].filter((tool) => tool.server === server && tool.listable)
  if (tools.length === 0) return false
  if (pact.drift.tools === 'hold') return true
  return tools.some((tool) => mayHoldTool(pact, tool))
}

function mayHoldTool(pact: CompiledPact, tool: CompiledTool): boolean {
  if (mayHoldOutward(pact, tool) || mayHoldByTrigger(pact, tool)) return true
  if (tool.bound.rules.some((rule) => rule.effect === 'hold')) return true
  return pact.runs.irreversibleLast && tool.effectClass === 'irreversible'
}

/** The call's own result where there is one, so that the model reads it as if it had not waited. */
function showTold({ result, ...told }: ToldHold): CallToolResult {
  if (result !== undefined) {
    return { ...result, _meta: { ...result._meta, 'airworthy/repeat-of': told.call } }
  }
  return show({ ...told })
}

/** Held is no error: there is nothing to mend. */
function show(content: Record<string, unknown>): CallToolResult {
  return {
    ...(content['denied'] === true || isRefused(content['state']) ? { isError: true } : {}),
    content: [{ type: 'text', text: JSON.stringify(content) }],
    structuredContent: content,
  }
}

function isRefused(state: unknown): boolean {
  return state === 'denied' || state === 'failed' || state === 'unknown'
}
