// Finds out whether an undo took place that nobody knows the end of: by a probe, never by asking
// for it again.
import { noAmounts, oneCall } from '../../core/budget/budget.ts'
import { undoProbeArguments, undoProbeOutcome } from '../../core/effect/effect-key.ts'
import { AirworthyError } from '../../core/errors.ts'
import { findUnknownUndo, type UnknownUndo } from '../../store/calls/live-effects.ts'
import type { Gateway } from '../gateway.ts'
import { callFollowUp } from './call-followup.ts'
import { readArguments } from './read-arguments.ts'
import { parseToolResult } from './tool-result.ts'

/** An undo may still take place for as long as its tool may take; after that it never will. */
const settleMarginMs = 1000

export type UndoProbeEnd =
  | { readonly kind: 'settled' }
  /** It may take place for this long; nobody can know before. */
  | { readonly kind: 'still_unknown'; readonly forMs: number | undefined }

/** Settles the undo of the effect if its end can be known now. */
export async function probeUndo(gateway: Gateway, effectId: string): Promise<UndoProbeEnd> {
  const undo = await findUnknownUndo(gateway.db, gateway.organisationId, effectId)
  if (undo === undefined) return { kind: 'settled' }
  const found = await askUndoProbe(gateway, undo)
  if (found.kind !== 'known') return found
  const outcome = {
    callId: undo.undoCallId,
    state: found.isUndone ? ('done' as const) : ('failed' as const),
    code: found.isUndone ? undefined : ('upstream.interrupted' as const),
    usage: undefined,
    used: found.isUndone ? oneCall : noAmounts,
    response: undefined,
    resolvedBy: 'probe' as const,
  }
  // Several may probe at once; whoever is first settles it, and the others have nothing to add.
  await gateway.recorder.settle(outcome).catch((thrown: unknown) => {
    if (!(thrown instanceof AirworthyError) || thrown.code !== 'call.unknown') throw thrown
  })
  gateway.inFlight.settled(undo.undoCallId)
  return { kind: 'settled' }
}

async function askUndoProbe(
  gateway: Gateway,
  undo: UnknownUndo,
): Promise<
  | { readonly kind: 'known'; readonly isUndone: boolean }
  | { readonly kind: 'still_unknown'; readonly forMs: number | undefined }
> {
  const unknown = { kind: 'still_unknown' as const, forMs: undefined }
  const { pact } = await gateway.pacts.get(undo.pactId)
  const tool = pact.tools.get(undo.action)
  const server = tool && pact.servers.get(tool.server)
  const request = await gateway.vault.open(undo.callId, 1)
  const stored = await gateway.vault.open(undo.callId, 2)
  const args = request && readArguments(request)
  if (tool === undefined || server === undefined || args === undefined) return unknown
  const result: unknown =
    stored === undefined ? undefined : parseToolResult(JSON.parse(stored.toString('utf8')))
  const probe = undoProbeArguments(tool, { args, result, effectKey: undo.effectKey })
  if (probe.kind === 'invalid') return unknown
  const meta = { 'airworthy/session': undo.sessionId }
  using live = gateway.fence.enter({ ...undo, tool: undo.action }, 'undo')
  const end = await callFollowUp(gateway, pact, { ...probe, meta, live })
  if (end.kind !== 'result' || end.result.isError === true) return unknown
  const outcome = undoProbeOutcome(tool, parseToolResult(end.result))
  if (outcome.kind === 'invalid') {
    const fields = { effect: undo.effectId, message: outcome.message }
    gateway.log('a probe of an undo could not be read', fields)
    return unknown
  }
  if (outcome.done) return { kind: 'known', isUndone: true }
  const forMs = server.timeoutMs + settleMarginMs - undo.ageMs
  return forMs > 0 ? { kind: 'still_unknown', forMs } : { kind: 'known', isUndone: false }
}
