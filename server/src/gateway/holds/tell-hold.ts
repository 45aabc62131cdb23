// What an agent hears of a hold of its own: how it stands, and the tool's result when it is done.
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { type HoldStanding, isOver, standingOf } from '../../core/approval/standing.ts'
import { AirworthyError } from '../../core/errors.ts'
import { hasScope } from '../../core/identity/key.ts'
import { findCallChecks } from '../../store/calls/call-checks.ts'
import { type HoldStandingRow, listHoldStandings } from '../../store/holds/hold-standing.ts'
import type { Principal } from '../../store/recorder/types.ts'
import type { Gateway } from '../gateway.ts'
import { tellChecked } from '../tools/check-result.ts'

export const waitSecondsMax = 60

export type ToldHold = {
  readonly id: string
  readonly call: string
  readonly action: string
  readonly state: HoldStanding
  /** Whether it waits on: for a person, for its run, or for its end. */
  readonly held: boolean
  /** When it is denied, unless it is decided before. */
  readonly until: string
  /** Of those who are asked, from 1. */
  readonly level: number
  /** More than 1 where what people were shown has changed, and they are asked again. */
  readonly round: number
  /** A person changed the arguments: the hold of the call that goes on instead. */
  readonly replacedBy?: string
  readonly code?: string
  /** Of a tool that was called: what it answered. */
  readonly result?: CallToolResult
}

/**
 * Waits for at most so long, then tells how the hold stands. Throws `hold.unknown` for what is not
 * this agent's, `gateway.overloaded` where too many wait.
 */
export async function tellHold(
  gateway: Gateway,
  asked: {
    readonly principal: Principal
    readonly holdId: string
    readonly waitMs: number
    readonly signal: AbortSignal
  },
): Promise<ToldHold> {
  const { principal, holdId, waitMs, signal } = asked
  const first = await requireOwn(gateway, principal, holdId)
  if (isOver(standingOf(first)) || waitMs === 0) return present(gateway, principal, first)
  const { agentId } = principal
  await gateway.holdWaiters.wait({ holdId, agentId, timeoutMs: waitMs, signal })
  return present(gateway, principal, await requireOwn(gateway, principal, holdId))
}

/** Another agent's hold is as unknown as none. */
async function requireOwn(
  gateway: Gateway,
  principal: Principal,
  holdId: string,
): Promise<HoldStandingRow> {
  const { db, organisationId } = gateway
  const [row] = await listHoldStandings(db, organisationId, [holdId])
  if (row?.agentId === principal.agentId) return row
  throw new AirworthyError('hold.unknown', `this agent has no hold ${holdId}`)
}

async function present(
  gateway: Gateway,
  principal: Principal,
  row: HoldStandingRow,
): Promise<ToldHold> {
  const state = standingOf(row)
  const result = await resultOf(gateway, principal, row)
  const code = state === 'unknown' ? 'effect.unknown' : row.code
  return {
    id: row.holdId,
    call: row.callId,
    action: row.action,
    state,
    held: !isOver(state),
    until: row.expiresAt.toISOString(),
    level: row.level,
    round: row.round,
    ...(row.replacedBy === null ? {} : { replacedBy: row.replacedBy }),
    ...(code === null ? {} : { code }),
    ...(result === undefined ? {} : { result }),
  }
}

/**
 * Only for a key that is for tools, and in the session that made the call: what a session is shown it has read, and this one was
 * recorded as its reader when the call was placed.
 */
async function resultOf(
  gateway: Gateway,
  principal: Principal,
  row: HoldStandingRow,
): Promise<CallToolResult | undefined> {
  if (row.kind !== 'tool' || row.sessionId !== principal.sessionId) return undefined
  if (!hasScope(principal.scopes ?? [], 'tools')) return undefined
  if (row.call !== 'done' && row.call !== 'failed') return undefined
  const stored = await gateway.vault.open(row.callId, 2)
  if (stored === undefined) return undefined
  const result: CallToolResult = JSON.parse(stored.toString('utf8'))
  const checks = await findCallChecks(gateway.db, gateway.organisationId, row.callId)
  return tellChecked(result, checks)
}
