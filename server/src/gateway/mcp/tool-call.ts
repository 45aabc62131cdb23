// The life of a tool call. It is dispatched only after its intent is durable; what a repeat asks
// for is answered from the first result; an outcome that is not known stays unknown.
import { randomUUIDv7 } from 'node:crypto'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { type Amounts, noAmounts } from '../../core/budget/budget.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { IntentResult, Outcome } from '../../store/recorder/types.ts'
import { describeDecision } from '../decision-text.ts'
import type { Gateway } from '../gateway.ts'
import { probeEffect } from './probe-effect.ts'
import { type PreparedToolCall, prepareToolCall, type ToolCallInput } from './prepare-tool-call.ts'

const proposalsMax = 4
const inFlightWaitMs = 20_000
const resultBytesMax = 8 * 1024 * 1024
const oneCall: Amounts = { calls: 1n, tokens: 0n, nanoUsd: 0n }

export type ToolReply = {
  readonly result: CallToolResult
  readonly callId: string
  readonly receipt: string
  readonly decision: string
}

export async function callTool(
  gateway: Gateway,
  request: Omit<ToolCallInput, 'callId' | 'resume'>,
): Promise<ToolReply> {
  return runToolCall(gateway, { ...request, callId: randomUUIDv7(), resume: undefined })
}

export async function runToolCall(gateway: Gateway, input: ToolCallInput): Promise<ToolReply> {
  const { result, prepared } = await proposeToolCall(gateway, input)
  switch (result.kind) {
    case 'proceed':
      return execute(gateway, { input, prepared, placed: result })
    case 'repeated':
      return answerRepeat(gateway, result)
    case 'held':
      return {
        ...result,
        decision: 'hold',
        result: refusal({
          held: true,
          id: result.holdId,
          until: new Date(result.untilMs).toISOString(),
          code: 'call.held',
          ...describeDecision(result.decision),
        }),
      }
    case 'denied':
      return {
        ...result,
        decision: 'deny',
        result: refusal({ denied: true, code: result.code, ...describeDecision(result.decision) }),
      }
    case 'wait':
    case 'stale':
    default:
      throw new AirworthyError('gateway.overloaded', 'the call could not be placed: try again')
  }
}

/** A refusal is a result, not a protocol error, so that the model reads it and can change its plan. */
function refusal(content: Record<string, unknown>): CallToolResult {
  return {
    isError: true,
    content: [{ type: 'text', text: JSON.stringify(content) }],
    structuredContent: content,
  }
}

async function proposeToolCall(
  gateway: Gateway,
  input: ToolCallInput,
): Promise<{ result: IntentResult; prepared: PreparedToolCall }> {
  let hasWaited = false
  for (let attempt = 1; ; attempt += 1) {
    const prepared = await prepareToolCall(gateway, input, hasWaited)
    const result = await gateway.recorder.propose(prepared.intent).durable
    if (attempt >= proposalsMax) return { result, prepared }
    if (result.kind === 'stale') {
      gateway.pacts.correct(input.principal.versionId, result.pactId)
    } else if (result.kind === 'wait') {
      if (result.reason === 'unknown') await probeEffect(gateway, result.effectId)
      else await gateway.inFlight.wait(result.ofCallId, inFlightWaitMs)
      hasWaited = true
    } else {
      return { result, prepared }
    }
  }
}

async function execute(
  gateway: Gateway,
  options: {
    input: ToolCallInput
    prepared: PreparedToolCall
    placed: IntentResult & { kind: 'proceed' }
  },
): Promise<ToolReply> {
  const { input, prepared, placed } = options
  const server = prepared.loaded.pact.servers.get(input.server)
  try {
    const end =
      server === undefined
        ? {
            kind: 'failed' as const,
            error: new AirworthyError('tool.server_unknown', `${input.server} is not enrolled`),
          }
        : await gateway.tools.call(
            { name: input.server, server, tool: input.tool },
            {
              args: input.args,
              meta: {
                'airworthy/session': input.principal.sessionId,
                'airworthy/call': placed.callId,
                ...(prepared.intent.isWrite
                  ? { 'airworthy/effect-key': prepared.intent.effect?.key ?? '' }
                  : {}),
              },
            },
          )
    return await settleTool(gateway, { ...options, end })
  } finally {
    gateway.inFlight.settled(placed.callId)
  }
}

async function settleTool(
  gateway: Gateway,
  options: {
    input: ToolCallInput
    prepared: PreparedToolCall
    placed: IntentResult & { kind: 'proceed' }
    end: Awaited<ReturnType<Gateway['tools']['call']>>
  },
): Promise<ToolReply> {
  const { prepared, placed, end } = options
  const { callId } = placed
  const outcome: Outcome = {
    callId,
    state: 'done',
    code: undefined,
    usage: undefined,
    used: oneCall,
    response: undefined,
    resolvedBy: undefined,
  }
  const decision = placed.enforced ? 'allow' : `would-${placed.decision.verdict}`
  if (end.kind === 'result') {
    const { _meta: _ignored, ...result } = end.result
    const text = Buffer.from(JSON.stringify(result))
    // A tool that answers an error says that nothing happened: such an effect may be tried again.
    const state = end.result.isError === true ? 'failed' : 'done'
    if (text.length > resultBytesMax) {
      // What was done stays done, although its result is neither kept nor passed on.
      const code = 'upstream.invalid'
      await gateway.recorder.settle({ ...outcome, state, code })
      const message = `the tool's result of ${text.length} bytes passes ${resultBytesMax}`
      const tooLong = refusal({ failed: true, code, message })
      return { result: tooLong, callId, receipt: placed.receipt, decision }
    }
    const response = await gateway.vault.seal(prepared.subject, text)
    await gateway.recorder.settle({ ...outcome, state, response })
    return { result, callId, receipt: placed.receipt, decision }
  }
  const { code } = end.error
  // A read has no effect on the world, so there is nothing about it that could stay unknown.
  const isUnknown = end.kind === 'unknown' && prepared.intent.isWrite
  await gateway.recorder.settle({
    ...outcome,
    state: isUnknown ? 'unknown' : 'failed',
    code,
    used: isUnknown ? undefined : end.kind === 'failed' ? noAmounts : oneCall,
  })
  const content = {
    failed: true,
    code: isUnknown ? 'effect.unknown' : code,
    message: isUnknown
      ? `${end.error.message}: whether it took effect is not known; it will be found out`
      : end.error.message,
  }
  return { result: refusal(content), callId, receipt: placed.receipt, decision }
}

async function answerRepeat(
  gateway: Gateway,
  repeat: IntentResult & { kind: 'repeated' },
): Promise<ToolReply> {
  const stored = await gateway.vault.open(repeat.ofCallId, 2)
  const { callId, receipt } = repeat
  const meta = { 'airworthy/repeat-of': repeat.ofCallId }
  const result: CallToolResult =
    stored === undefined
      ? { content: [{ type: 'text', text: 'done before; its result is not stored' }] }
      : JSON.parse(stored.toString('utf8'))
  return { result: { ...result, _meta: meta }, callId, receipt, decision: 'repeat' }
}
