// The tool `airworthy_escalate`: an agent says that it doubts. It is a call like any other, with a
// decision, a receipt and an outcome on record; from then on the session's writes wait for a person.
import { randomUUIDv7 } from 'node:crypto'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'
import { oneCall } from '../../core/budget/budget.ts'
import { toolName } from '../../core/decision/call.ts'
import { decide } from '../../core/decision/decide.ts'
import type { Decision } from '../../core/decision/decision.ts'
import { AirworthyError } from '../../core/errors.ts'
import { escalateAction } from '../../core/escalation/own-tool.ts'
import { escalateToolName } from '../../core/pact/gateway-tools.ts'
import type { Intent, IntentResult, Principal } from '../../store/recorder/types.ts'
import { describeDecision } from '../decision-text.ts'
import type { Gateway } from '../gateway.ts'
import type { GatewayTool } from '../mcp/agent/gateway-tool.ts'
import type { LoadedPact } from '../pacts.ts'

const reasonCharsMax = 2000
const proposalsMax = 4

const argumentsSchema = z.strictObject({ reason: z.string().min(1).max(reasonCharsMax) })

export const escalateTool: GatewayTool = {
  description: {
    name: escalateToolName,
    description:
      'Say that you are not sure and want a person to decide. Afterwards what you write waits for ' +
      'a person; what you read goes on. Call it before you act, not after.',
    inputSchema: {
      type: 'object',
      properties: {
        reason: {
          type: 'string',
          maxLength: reasonCharsMax,
          description: 'What you doubt, for the person who decides.',
        },
      },
      required: ['reason'],
      additionalProperties: false,
    },
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  },
  isListed: ({ pact }) => pact.escalation?.offersTool === true,
  call: async (gateway, exchange, args) => {
    const parsed = argumentsSchema.safeParse(args)
    if (!parsed.success) {
      const message = `reason must be a text of 1 to ${reasonCharsMax} characters`
      return show({ denied: true, code: 'tool.arguments_invalid', message })
    }
    const { principal } = exchange
    const { result, callId } = await propose(gateway, principal, parsed.data)
    if (result.kind === 'denied') {
      exchange.mark = { ...result, decision: 'deny' }
      return show({ denied: true, code: result.code, ...describeDecision(result.decision) })
    }
    if (result.kind !== 'proceed') {
      throw new AirworthyError('gateway.overloaded', 'the call could not be placed: try again')
    }
    const decision = result.enforced ? 'allow' : `would-${result.decision.verdict}`
    exchange.mark = { callId, receipt: result.receipt, decision }
    const reply = show({
      escalated: true,
      message: 'recorded: what you write in this session waits for a person',
    })
    const response = await gateway.vault.seal(principal.endUser, Buffer.from(JSON.stringify(reply)))
    await gateway.recorder.settle({
      callId,
      state: 'done',
      code: undefined,
      usage: undefined,
      used: oneCall,
      response,
      resolvedBy: undefined,
    })
    const meta = { 'airworthy/call': callId, 'airworthy/receipt': result.receipt }
    return { ...reply, _meta: { ...meta, 'airworthy/decision': decision } }
  },
}

async function propose(
  gateway: Gateway,
  principal: Principal,
  args: z.infer<typeof argumentsSchema>,
): Promise<{ result: IntentResult; callId: string }> {
  const callId = randomUUIDv7()
  for (let attempt = 1; ; attempt += 1) {
    const loaded = await gateway.pacts.active(principal)
    const intent = await prepare(gateway, { callId, principal, loaded, args })
    const result = await gateway.recorder.propose(intent).durable
    if (result.kind !== 'stale' || attempt >= proposalsMax) return { result, callId }
    gateway.pacts.correct(principal.versionId, result.pactId)
  }
}

async function prepare(
  gateway: Gateway,
  asked: {
    readonly callId: string
    readonly principal: Principal
    readonly loaded: LoadedPact
    readonly args: z.infer<typeof argumentsSchema>
  },
): Promise<Intent> {
  const { callId, principal, loaded, args } = asked
  const { pact, pactId } = loaded
  const request = { ...escalateAction, arguments: args }
  const digest = gateway.vault.digest(JSON.stringify(request))
  const call = {
    ...escalateAction,
    kind: 'tool',
    effectClass: 'read',
    args,
    amount: undefined,
  } as const
  const agent = { name: principal.agentName, stakes: principal.stakes }
  return {
    callId,
    principal,
    pactId,
    kind: 'tool',
    action: toolName(escalateAction),
    isWrite: false,
    reservation: oneCall,
    request: await gateway.vault.seal(principal.endUser, Buffer.from(JSON.stringify(request))),
    decide: (session, nowMs): Decision => decide(call, pact, { session, agent, nowMs }),
    effect: undefined,
    // It is never held: there is nothing of it to approve.
    holdEffect: () => ({
      effectClass: 'read',
      key: `${principal.sessionId}:escalate:${digest}`,
      argsHash: digest,
      windowMs: undefined,
      amountMinor: undefined,
      currency: undefined,
    }),
    schemaHash: '',
    holdExpiresAfterMs: pact.holdExpiresAfterSeconds * 1000,
    drift: undefined,
    resume: undefined,
    hasWaited: false,
  }
}

function show(content: Record<string, unknown>): CallToolResult {
  return {
    ...(content['denied'] === true ? { isError: true } : {}),
    content: [{ type: 'text', text: JSON.stringify(content) }],
    structuredContent: content,
  }
}
