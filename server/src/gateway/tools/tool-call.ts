// The life of a tool call. It is dispatched only after its intent is durable; what a repeat asks
// for is answered from the first result; an outcome that is not known stays unknown.
import { randomUUIDv7 } from 'node:crypto'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { noAmounts, oneCall } from '../../core/budget/budget.ts'
import { withKeyArgument } from '../../core/effect/key-argument.ts'
import { AirworthyError } from '../../core/errors.ts'
import { holdToolName } from '../../core/pact/gateway-tools.ts'
import type { IntentResult, Outcome } from '../../store/recorder/types.ts'
import { describeDecision } from '../decision-text.ts'
import type { Gateway } from '../gateway.ts'
import { pollPathOf } from '../holds/poll-path.ts'
import { rememberEnd, rememberRepeat } from '../taint/results.ts'
import { openedAuthorisation } from '../money/money-intent.ts'
import { awaitCheckpoint } from './await-checkpoint.ts'
import { parseRunName } from '../runs/run-name.ts'
import { findCallChecks } from '../../store/calls/call-checks.ts'
import { checkResult, codeOfChecks, tellChecked } from './check-result.ts'
import { probeEffect } from './probe-effect.ts'
import { type PreparedToolCall, prepareToolCall, type ToolCallInput } from './prepare-tool-call.ts'
import { parseToolResult } from './tool-result.ts'
import type { ToolReply } from './tool-reply.ts'

const proposalsMax = 4
const inFlightWaitMs = 20_000
/** A call of another gateway settles unheard: it is asked for this often. */
const inFlightAskMs = 500
const resultBytesMax = 8 * 1024 * 1024

export async function callTool(
  gateway: Gateway,
  request: Omit<ToolCallInput, 'callId' | 'resume' | 'run'> & { readonly run?: unknown },
): Promise<ToolReply> {
  const run = request.run === undefined ? undefined : parseRunName(request.run)
  return runToolCall(gateway, { ...request, callId: randomUUIDv7(), resume: undefined, run })
}

export async function runToolCall(gateway: Gateway, input: ToolCallInput): Promise<ToolReply> {
  const { result, prepared } = await proposeToolCall(gateway, input)
  switch (result.kind) {
    case 'proceed':
      return execute(gateway, { input, prepared, placed: result })
    case 'repeated':
      return answerRepeat(gateway, result, { input, prepared })
    case 'held':
      return {
        ...result,
        decision: 'hold',
        result: waiting(result),
      }
    case 'denied':
      return {
        ...result,
        decision: 'deny',
        result: refusal({ denied: true, code: result.code, ...describeDecision(result.decision) }),
      }
    case 'wait':
      throw result.isBlocked === true ? blocked(result.ofCallId) : notPlaced()
    case 'stale':
    case 'over':
    default:
      throw notPlaced()
  }
}

/** The call waits for a person, or for its run to be completed. */
function waiting(held: IntentResult & { kind: 'held' }): CallToolResult {
  const { holdId: id, decision } = held
  const why = describeDecision(decision)
  const where = { poll: pollPathOf(id), tool: holdToolName }
  if (decision.code === 'run.deferred') {
    return refusal({ deferred: true, id, ...where, code: 'run.deferred', ...why })
  }
  const until = new Date(held.untilMs).toISOString()
  return refusal({ held: true, id, until, ...where, code: 'call.held', ...why })
}

function notPlaced(): AirworthyError {
  return new AirworthyError('gateway.overloaded', 'the call could not be placed: try again')
}

/** An approved call that cannot go on yet; it is tried again from its row. */
function blocked(ofCallId: string): AirworthyError {
  const message = `call ${ofCallId} touches the same thing, and its end is not known yet`
  return new AirworthyError('effect.blocked', message)
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
  const deadline = performance.now() + inFlightWaitMs
  for (let attempt = 1; ; attempt += 1) {
    const prepared = await prepareToolCall(gateway, input, hasWaited)
    const result = await gateway.recorder.propose(prepared.intent).durable
    if (attempt >= proposalsMax) return { result, prepared }
    if (result.kind === 'stale') {
      gateway.pacts.correct(input.principal.versionId, result.pactId)
    } else if (result.kind === 'wait' && result.reason === 'unknown') {
      await probeEffect(gateway, result.effectId)
      hasWaited = true
    } else if (result.kind === 'wait') {
      // Another gateway may have the call, and of many that wait each has its turn: it is asked
      // again and again, and only time bounds how often.
      const leftMs = deadline - performance.now()
      await gateway.inFlight.wait(result.ofCallId, Math.min(Math.max(leftMs, 0), inFlightAskMs))
      if (leftMs > inFlightAskMs) attempt -= 1
      else hasWaited = true
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
  const waitFor = prepared.tool?.contract.waitFor
  const tool = `${input.server}/${input.tool}`
  using live = gateway.fence.enter({ ...input.principal, tool })
  try {
    const end =
      server === undefined
        ? {
            kind: 'failed' as const,
            error: new AirworthyError('tool.server_unknown', `${input.server} is not enrolled`),
          }
        : ((await awaitCheckpoint(gateway, { waitFor, receipt: placed.receipt })) ??
          (await gateway.tools.call(
            { name: input.server, server, tool: input.tool },
            {
              ...input.live,
              live,
              pinnedHash: prepared.intent.schemaHash,
              args: sentArguments(prepared, input.args),
              meta: {
                'airworthy/session': input.principal.sessionId,
                'airworthy/call': placed.callId,
                ...(prepared.intent.isWrite
                  ? { 'airworthy/effect-key': prepared.intent.effect?.key ?? '' }
                  : {}),
              },
            },
          )))
    return await settleTool(gateway, { ...options, end })
  } finally {
    gateway.inFlight.settled(placed.callId)
  }
}

/** With the effect key, where the contract says that the tool takes it as an argument. */
function sentArguments(
  prepared: PreparedToolCall,
  args: ToolCallInput['args'],
): ToolCallInput['args'] {
  const keyArgument = prepared.tool?.contract.keyArgument
  const key = prepared.intent.effect?.key
  if (keyArgument === undefined || key === undefined) return args
  const { name: argument, schema: inputSchema } = keyArgument
  return withKeyArgument(args, { inputSchema, argument, key })
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
  const { sessionId } = options.input.principal
  const remembered = await rememberEnd(gateway, end, { prepared, sessionId, callId })
  const outcome: Outcome = {
    callId,
    state: 'done',
    code: undefined,
    usage: undefined,
    used: oneCall,
    response: undefined,
    resolvedBy: undefined,
    remembered,
    relayed: options.input.live?.relay?.told(),
  }
  const decision = placed.enforced ? 'allow' : `would-${placed.decision.verdict}`
  if (end.kind === 'result') {
    const { _meta: _ignored, ...result } = end.result
    const text = Buffer.from(JSON.stringify(result))
    const checks =
      end.result.isError === true ? undefined : checkResult(options.input, prepared, end.result)
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
    const checked = checks && { checks, code: codeOfChecks(checks) }
    const authorisation = state === 'done' ? openedBy(gateway, options, end.result) : undefined
    await gateway.recorder.settle({ ...outcome, state, response, ...checked, authorisation })
    return { result: tellChecked(result, checks), callId, receipt: placed.receipt, decision }
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

/** Money that the call has set aside. */
function openedBy(
  gateway: Gateway,
  { input, prepared }: { input: ToolCallInput; prepared: PreparedToolCall },
  result: CallToolResult,
): Outcome['authorisation'] {
  const { tool, intent } = prepared
  if (intent.money?.authorisation === undefined) return undefined
  const parsed = parseToolResult(result)
  const call = { tool, money: intent.money, args: input.args, result: parsed }
  return openedAuthorisation(gateway.vault, call)
}

async function answerRepeat(
  gateway: Gateway,
  repeat: IntentResult & { kind: 'repeated' },
  asked: { input: ToolCallInput; prepared: PreparedToolCall },
): Promise<ToolReply> {
  const stored = await gateway.vault.open(repeat.ofCallId, 2)
  const { callId, receipt } = repeat
  const { db, organisationId } = gateway
  const checks = await findCallChecks(db, organisationId, repeat.ofCallId)
  const meta = { 'airworthy/repeat-of': repeat.ofCallId }
  const result: CallToolResult =
    stored === undefined
      ? { content: [{ type: 'text', text: 'done before; its result is not stored' }] }
      : JSON.parse(stored.toString('utf8'))
  const { sessionId } = asked.input.principal
  const reading = { prepared: asked.prepared, sessionId, callId: repeat.ofCallId }
  await rememberRepeat(gateway, result, reading)
  const told = tellChecked(result, checks)
  return { result: { ...told, _meta: meta }, callId, receipt, decision: 'repeat' }
}
