// An operator takes an effect back, by the contract's undo.
import { AirworthyError } from '../core/errors.ts'
import { undoArguments } from '../core/effect/effect-key.ts'
import { type Amounts, noAmounts } from '../core/budget/budget.ts'
import { beginUndo, endUndo, findUnknownCall } from '../store/undo.ts'
import type { Gateway } from './gateway.ts'
import { readArguments } from './mcp/probe-effect.ts'
import { callFollowUp } from './mcp/call-followup.ts'
import { parseToolResult } from './mcp/tool-result.ts'

const oneCall: Amounts = { calls: 1n, tokens: 0n, nanoUsd: 0n }

export type UndoCommand = {
  readonly callId: string
  readonly effectId: string
  readonly operatorId: string
  readonly reason: string
}

/** Throws `effect.not_undoable`. That it is being undone is on record before the tool is asked. */
export async function undoEffect(gateway: Gateway, command: UndoCommand): Promise<void> {
  const { db, organisationId } = gateway
  const effect = await beginUndo(db, organisationId, command)
  const failure = await askUndo(gateway, effect)
  await endUndo(db, organisationId, { ...command, effect, isUndone: failure === undefined })
  if (failure !== undefined) throw new AirworthyError('effect.not_undoable', failure)
}

async function askUndo(
  gateway: Gateway,
  effect: Awaited<ReturnType<typeof beginUndo>>,
): Promise<string | undefined> {
  const { pact } = await gateway.pacts.get(effect.pactId)
  const tool = pact.tools.get(effect.action)
  const request = await gateway.vault.open(effect.callId, 1)
  const stored = await gateway.vault.open(effect.callId, 2)
  const args = request && readArguments(request)
  if (tool === undefined) return `${effect.action} is not enrolled any more`
  if (args === undefined) return 'the arguments of the call are forgotten'
  const result: unknown =
    stored === undefined ? undefined : parseToolResult(JSON.parse(stored.toString('utf8')))
  const undo = undoArguments(tool, { args, result, effectKey: effect.effectKey })
  if (undo.kind === 'invalid') return undo.message
  const meta = {
    'airworthy/session': effect.sessionId,
    'airworthy/effect-key': `undo:${effect.effectId}`,
  }
  const end = await callFollowUp(gateway, pact, { ...undo, meta })
  if (end.kind !== 'result') return end.error.message
  if (end.result.isError !== true) return undefined
  const text: unknown = parseToolResult(end.result)
  return `the tool refused: ${typeof text === 'string' ? text : JSON.stringify(text)}`
}

/** Settles an unknown effect as a person found it. Throws `call.unknown` when it is settled. */
export async function resolveEffect(
  gateway: Gateway,
  command: {
    effectId: string
    operatorId: string
    outcome: 'done' | 'failed'
    reason: string
  },
): Promise<void> {
  const callId = await findUnknownCall(gateway.db, gateway.organisationId, command.effectId)
  if (callId === undefined) {
    throw new AirworthyError('call.unknown', 'no unknown effect has this id')
  }
  await gateway.recorder.settle({
    callId,
    state: command.outcome,
    code: undefined,
    usage: undefined,
    used: command.outcome === 'done' ? oneCall : noAmounts,
    response: undefined,
    resolvedBy: 'operator',
    operatorId: command.operatorId,
  })
  gateway.inFlight.settled(callId)
}
