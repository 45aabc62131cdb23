// An operator takes an effect back, by the contract's undo. The undo is a call of its own: on record
// before the tool is asked, settled after, and never asked for twice while its end is not known.
import { randomUUIDv7 } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { noAmounts, oneCall } from '../core/budget/budget.ts'
import { AirworthyError } from '../core/errors.ts'
import type { Intent, IntentResult, Outcome } from '../store/recorder/types.ts'
import { findUnknownCall } from '../store/runs/undo.ts'
import type { Gateway } from './gateway.ts'
import type { LiveCall } from './kill/fence.ts'
import { callFollowUp } from './tools/call-followup.ts'
import { probeUndo } from './tools/probe-undo.ts'
import { parseToolResult } from './tools/tool-result.ts'
import { prepareUndo, type PreparedUndo } from './prepare-undo.ts'

const attemptsMax = 5
const inFlightWaitMs = 5_000
/** How long one undo waits for another's end to become knowable; after that its caller is told. */
const unknownWaitMs = 5_000

export type UndoCommand = {
  readonly callId: string
  readonly effectId: string
  readonly operatorId: string
  readonly reason: string
  /** A run asks for it by itself: what is frozen stays as it is. */
  readonly isUnattended?: boolean
}

/**
 * Resolves when the effect is undone, by this call or by another that was under way. Throws
 * `effect.not_undoable`, `effect.undo_expired`, `effect.undo_blocked` (its detail names the calls),
 * `effect.in_flight`, `effect.unknown`, or why the tool could not be reached.
 */
export async function undoEffect(gateway: Gateway, command: UndoCommand): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const undo = await prepareUndo(gateway, command.effectId)
    // Another undo that this one waited for has done it.
    if (undo === 'undone' && attempt > 1) return
    if (undo === 'undone') throw new AirworthyError('effect.not_undoable', 'the effect is undone')
    const use = command.isUnattended === true ? 'undo' : 'operator'
    const { server, tool } = undo.target
    using live = gateway.fence.enter({ ...undo.principal, tool: `${server}/${tool}` }, use)
    const stopped = live.refusal()
    // Before it is on record: a run that stands still asks again and again.
    if (stopped !== undefined) throw stopped
    const callId = randomUUIDv7()
    const intent = await makeIntent(gateway, undo, { command, callId })
    const placed = await gateway.recorder.propose(intent).durable
    if (placed.kind === 'denied') {
      // Another undo may have ended between the preparation of this one and the lock.
      const isUndone = (await prepareUndo(gateway, command.effectId)) === 'undone'
      if (placed.code === 'effect.not_undoable' && isUndone) return
      throw refusalOf(placed)
    }
    if (placed.kind === 'proceed') {
      if ((await carryOut(gateway, undo, { callId, live })) === 'done') return
    } else if (placed.kind !== 'wait') {
      throw new AirworthyError('gateway.overloaded', 'the undo could not be placed: try again')
    } else if (placed.reason === 'in_flight') {
      if (attempt >= attemptsMax) throw inFlight(placed.ofCallId)
      await gateway.inFlight.wait(placed.ofCallId, inFlightWaitMs)
      continue
    }
    // What is unknown now may be known in a moment.
    if (!(await findOut(gateway, command.effectId)) || attempt >= attemptsMax) throw unknown()
  }
}

function refusalOf(denied: IntentResult & { kind: 'denied' }): AirworthyError {
  const [reason] = denied.decision.reasons
  const { blockedBy } = denied
  const detail = { call: denied.callId, ...(blockedBy === undefined ? {} : { blockedBy }) }
  return new AirworthyError(denied.code, reason?.reason ?? 'it cannot be undone', { detail })
}

function inFlight(callId: string): AirworthyError {
  return new AirworthyError('effect.in_flight', `call ${callId} is undoing it`)
}

function unknown(): AirworthyError {
  const message = 'whether it was undone is not known; it will be found out'
  return new AirworthyError('effect.unknown', message)
}

/** Probes; waits once for a time limit that is nearly over. True when the end is known. */
async function findOut(gateway: Gateway, effectId: string): Promise<boolean> {
  const first = await probeUndo(gateway, effectId)
  if (first.kind === 'settled') return true
  if (first.forMs === undefined || first.forMs > unknownWaitMs) return false
  await sleep(first.forMs)
  return (await probeUndo(gateway, effectId)).kind === 'settled'
}

async function makeIntent(
  gateway: Gateway,
  undo: PreparedUndo,
  options: { command: UndoCommand; callId: string },
): Promise<Intent> {
  const { command, callId } = options
  const { effect, principal, windowMs } = undo
  const text = JSON.stringify({ ...undo.target, arguments: undo.args })
  // People write names into reasons: the entry commits to it under a key.
  const reasonHash = gateway.vault.digest(`reason:${command.reason}`)
  return {
    callId,
    principal,
    pactId: effect.pactId,
    kind: 'undo',
    action: `${undo.target.server}/${undo.target.tool}`,
    isWrite: true,
    reservation: oneCall,
    request: await gateway.vault.seal(undo.subject, Buffer.from(text)),
    decide: notAsked,
    effect: undefined,
    holdEffect: notAsked,
    schemaHash: '',
    holdExpiresAfterMs: 0,
    drift: undefined,
    resume: undefined,
    hasWaited: false,
    money: undo.money,
    undo: {
      effectId: effect.effectId,
      operatorId: command.operatorId,
      reasonHash,
      windowMs,
      key: undo.key,
    },
  }
}

/** An undo was decided by the operator who asked for it. */
function notAsked(): never {
  throw new Error('an undo is neither decided by rules nor held')
}

/** Throws what the tool refused; otherwise says whether it is known that it was done. */
async function carryOut(
  gateway: Gateway,
  undo: PreparedUndo,
  { callId, live }: { readonly callId: string; readonly live: LiveCall },
): Promise<'done' | 'unknown'> {
  const { pact, target, sentArgs: args } = undo
  const meta = {
    'airworthy/session': undo.effect.sessionId,
    'airworthy/call': callId,
    'airworthy/effect-key': undo.key,
  }
  const outcome: Outcome = {
    callId,
    state: 'done',
    code: undefined,
    usage: undefined,
    used: oneCall,
    response: undefined,
    resolvedBy: undefined,
  }
  try {
    const tool = `${target.server}/${target.tool}`
    const end = await callFollowUp(gateway, pact, { tool, args, meta, live })
    if (end.kind === 'unknown') {
      const { code } = end.error
      await gateway.recorder.settle({ ...outcome, state: 'unknown', code, used: undefined })
      return 'unknown'
    }
    if (end.kind === 'failed') {
      const { code } = end.error
      await gateway.recorder.settle({ ...outcome, state: 'failed', code, used: noAmounts })
      throw end.error
    }
    const { _meta: _ignored, ...result } = end.result
    const response = await gateway.vault.seal(undo.subject, Buffer.from(JSON.stringify(result)))
    const isRefused = end.result.isError === true
    const state = isRefused ? 'failed' : 'done'
    await gateway.recorder.settle({ ...outcome, state, response })
    if (!isRefused) return 'done'
    const told: unknown = parseToolResult(end.result)
    const words = typeof told === 'string' ? told : JSON.stringify(told)
    throw new AirworthyError('effect.not_undoable', `the tool refused: ${words}`)
  } finally {
    gateway.inFlight.settled(callId)
  }
}

/** Settles an unknown effect, or an unknown undo, as a person found it. Throws `call.unknown`. */
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
