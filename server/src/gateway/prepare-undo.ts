// What an undo would do: the tool and its arguments, and what an operator sees before asking for it.
import { splitToolName } from '../core/decision/call.ts'
import { amountOf, subjectOf, undoArguments } from '../core/effect/effect-key.ts'
import { withKeyArgument } from '../core/effect/key-argument.ts'
import { AirworthyError } from '../core/errors.ts'
import type { CompiledPact, CompiledTool } from '../core/pact/compiled.ts'
import { findPrincipal } from '../store/principals.ts'
import type { MoneyIntent, Principal } from '../store/recorder/types.ts'
import { findUndoableEffect, readUndoTarget, type UndoableEffect } from '../store/runs/undo.ts'
import type { Gateway } from './gateway.ts'
import { readArguments } from './tools/read-arguments.ts'
import { parseToolResult } from './tools/tool-result.ts'
import { moneyIntentOf } from './money/money-intent.ts'

type Arguments = Readonly<Record<string, unknown>>

export type PreparedUndo = {
  readonly effect: UndoableEffect
  /** Whose call made the effect. */
  readonly principal: Principal
  readonly pact: CompiledPact
  readonly target: { readonly server: string; readonly tool: string }
  readonly args: Arguments
  /** With the effect key, where the undo's own contract wants it as an argument. */
  readonly sentArgs: Arguments
  readonly key: string
  readonly subject: string
  readonly windowMs: number | undefined
  /** What the undo pays out, or voids; undefined where its contract says nothing of money. */
  readonly money: MoneyIntent | undefined
}

const undoableStates: ReadonlySet<string> = new Set(['done', 'undoing', 'undo_failed'])

/** Throws `effect.not_undoable` with what is missing. Reads only; the recorder has the last word. */
export async function prepareUndo(
  gateway: Gateway,
  effectId: string,
): Promise<PreparedUndo | 'undone'> {
  const { db, organisationId } = gateway
  const effect = await findUndoableEffect(db, organisationId, effectId)
  if (effect === undefined) throw notUndoable('there is no such effect')
  if (effect.state === 'undone') return 'undone'
  if (effect.effectClass === 'irreversible') {
    throw notUndoable('the contract says that it is irreversible')
  }
  if (!undoableStates.has(effect.state)) throw notUndoable(`the effect is ${effect.state}`)
  const principal = await findPrincipal(db, organisationId, effect)
  if (principal === undefined) throw notUndoable('the session of the call is gone')
  return fillUndo(gateway, effect, principal)
}

async function fillUndo(
  gateway: Gateway,
  effect: UndoableEffect,
  principal: Principal,
): Promise<PreparedUndo> {
  const { pact } = await gateway.pacts.get(effect.pactId)
  const tool = pact.tools.get(effect.action)
  const request = await gateway.vault.open(effect.callId, 1)
  const stored = await gateway.vault.open(effect.callId, 2)
  const args = request && readArguments(request)
  if (tool === undefined) throw notUndoable(`${effect.action} is not enrolled any more`)
  if (args === undefined) throw notUndoable('the arguments of the call are forgotten')
  const result: unknown =
    stored === undefined ? undefined : parseToolResult(JSON.parse(stored.toString('utf8')))
  const undo = undoArguments(tool, { args, result, effectKey: effect.effectKey })
  if (undo.kind === 'invalid') throw notUndoable(undo.message)
  const key = `undo:${effect.effectId}`
  const keyArgument = pact.tools.get(undo.tool)?.contract.keyArgument
  const windowSeconds = tool.contract.undo?.windowSeconds
  return {
    effect,
    principal,
    pact,
    target: splitToolName(undo.tool),
    args: undo.args,
    sentArgs: withKeyArgument(undo.args, {
      inputSchema: keyArgument?.schema ?? {},
      argument: keyArgument?.name,
      key,
    }),
    key,
    subject: subjectOf(tool, args) ?? principal.endUser,
    windowMs: windowSeconds === undefined ? undefined : windowSeconds * 1000,
    money: moneyOf(gateway, pact.tools.get(undo.tool), undo.args),
  }
}

/** An amount that only a quote of a tool tells is not asked for: it was asked for the call itself. */
function moneyOf(
  { vault }: Gateway,
  tool: CompiledTool | undefined,
  args: Arguments,
): MoneyIntent | undefined {
  if (tool === undefined) return undefined
  const found = tool.contract.amount?.kind === 'argument' ? amountOf(tool, args) : undefined
  const amount = found?.kind === 'ok' ? found.amount : undefined
  const money = moneyIntentOf(vault, { tool, amount, args })
  return money?.isDeclared === true ? money : undefined
}

function notUndoable(message: string): AirworthyError {
  return new AirworthyError('effect.not_undoable', message)
}

export type UndoPreview = {
  readonly effectId: string
  readonly state: string
  /** `server/tool` of the undo. */
  readonly tool: string
  readonly args: Arguments
  /** When the contract's window ends; undefined without one. */
  readonly untilMs: number | undefined
  /** Calls that must be undone first, in this order. */
  readonly blockedBy: readonly string[]
}

/** What an undo would do, and what stands in its way. Throws `effect.not_undoable`. */
export async function previewUndo(gateway: Gateway, effectId: string): Promise<UndoPreview> {
  const undo = await prepareUndo(gateway, effectId)
  if (undo === 'undone') throw notUndoable('the effect is undone')
  const { db, organisationId } = gateway
  const target = await readUndoTarget(db, organisationId, effectId)
  if (target === undefined) throw notUndoable('there is no such effect')
  const { windowMs } = undo
  return {
    effectId,
    state: target.state,
    tool: `${undo.target.server}/${undo.target.tool}`,
    args: undo.args,
    untilMs: windowMs === undefined ? undefined : target.dispatchedAtMs + windowMs,
    blockedBy: target.inTheWay.map((effect) => effect.callId),
  }
}
