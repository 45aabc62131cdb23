// Finds out what became of an unknown effect: by the contract's probe, never by trying again.
import { probeArguments, probeOutcome } from '../../core/effect/effect-key.ts'
import { noAmounts, oneCall } from '../../core/budget/budget.ts'
import { AirworthyError } from '../../core/errors.ts'
import { findUnknownEffect, type UnknownEffect } from '../../store/calls/live-effects.ts'
import type { Outcome } from '../../store/recorder/types.ts'
import type { Gateway } from '../gateway.ts'
import { callFollowUp } from './call-followup.ts'
import { probeUndo } from './probe-undo.ts'
import { readArguments } from './read-arguments.ts'
import { parseToolResult } from './tool-result.ts'

/** A call may still take effect for as long as its tool may take; after that it never will. */
const settleMarginMs = 1000

export type ProbeEnd = 'done' | 'failed' | 'still_unknown'

/** Settles an unknown effect, or its unknown undo, if what became of it can be known now. */
export async function probeEffect(gateway: Gateway, effectId: string): Promise<ProbeEnd> {
  const { db, organisationId } = gateway
  const effect = await findUnknownEffect(db, organisationId, effectId)
  if (effect === undefined) {
    const undo = await probeUndo(gateway, effectId)
    return undo.kind === 'settled' ? 'done' : 'still_unknown'
  }
  const found = await askProbe(gateway, effect)
  if (found.kind === 'still_unknown') return 'still_unknown'
  const isDone = found.kind === 'done'
  const response =
    isDone && found.result !== undefined
      ? await gateway.vault.seal(effect.endUser, Buffer.from(JSON.stringify(found.result)))
      : undefined
  const outcome: Outcome = {
    callId: effect.callId,
    state: isDone ? 'done' : 'failed',
    code: isDone ? undefined : 'upstream.interrupted',
    usage: undefined,
    used: isDone ? oneCall : noAmounts,
    response,
    resolvedBy: 'probe',
  }
  // Several may probe at once; whoever is first settles it, and the others have nothing to add.
  await gateway.recorder.settle(outcome).catch((thrown: unknown) => {
    if (!(thrown instanceof AirworthyError) || thrown.code !== 'call.unknown') throw thrown
  })
  return found.kind
}

async function askProbe(
  gateway: Gateway,
  effect: UnknownEffect,
): Promise<{ kind: ProbeEnd; result?: object }> {
  const unknown = { kind: 'still_unknown' as const }
  const { pact } = await gateway.pacts.get(effect.pactId)
  const tool = pact.tools.get(effect.action)
  const request = await gateway.vault.open(effect.callId, 1)
  if (tool === undefined || request === undefined) return unknown
  const server = pact.servers.get(tool.server)
  const args = readArguments(request)
  if (server === undefined || args === undefined) return unknown
  const probe = probeArguments(tool, { args, effectKey: effect.effectKey })
  if (probe.kind === 'invalid') return unknown
  const meta = { 'airworthy/session': effect.sessionId }
  using live = gateway.fence.enter({ ...effect, tool: effect.action }, 'undo')
  const end = await callFollowUp(gateway, pact, { ...probe, meta, live })
  if (end.kind !== 'result' || end.result.isError === true) return unknown
  const parsed = parseToolResult(end.result)
  const outcome = probeOutcome(tool, parsed)
  if (outcome.kind === 'invalid') {
    gateway.log('a probe could not be read', { effect: effect.effectId, message: outcome.message })
    return unknown
  }
  if (outcome.done) return { kind: 'done', result: resultOf(parsed) }
  const mayStillRun = effect.ageMs < server.timeoutMs + settleMarginMs
  return mayStillRun ? unknown : { kind: 'failed' }
}

/** A probe that tells the first result as `result` lets a repeat be answered with it. */
function resultOf(parsed: unknown): object {
  const told: unknown =
    typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, 'result') : undefined
  const text = typeof told === 'string' ? told : JSON.stringify(told ?? parsed)
  return { content: [{ type: 'text', text }] }
}
