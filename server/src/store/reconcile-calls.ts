// Model calls whose use nobody knows: an operator says what they used, or how it is to be settled.
// Each is settled by the recorder, with an entry of its own.
import { type Kysely, sql } from 'kysely'
import { type Amounts, noAmounts, oneCall } from '../core/budget/budget.ts'
import { AirworthyError } from '../core/errors.ts'
import type { OrganisationId } from '../core/ids.ts'
import type { Database } from './database.ts'
import { amountsOf } from './recorder/ledger.ts'
import { settledBeforeOf } from './recorder/outcome-detail.ts'
import type { Outcome, Settled, TokenUsage } from './recorder/types.ts'
import type { Schema } from './schema.ts'

/**
 * `estimate`: what was used for certain, or one call where nothing is; `worst`: all that the call
 * reserved; `zero`: it never happened.
 */
export type ReconcileAs = 'estimate' | 'worst' | 'zero'

export type Reconciliation = {
  readonly which:
    | { readonly callId: string }
    | {
        /** Calls that were settled as unknown before this, the oldest first. */
        readonly before: Date
        readonly agentId?: string | undefined
        readonly limit: number
      }
  readonly as: ReconcileAs | { readonly used: Amounts; readonly usage: TokenUsage | undefined }
  readonly operatorId: string
  /** Kept beside the call; the entry has its hash. */
  readonly reason: string
}

export type ReconciledCall = {
  readonly callId: string
  readonly used: Amounts
  readonly receipt: string
}

export type ReconcileGround = {
  readonly db: Database
  readonly organisationId: OrganisationId
  readonly settle: (outcome: Outcome) => Promise<Settled>
}

/** Gives the calls that were settled now: none where the call is not an unknown model call. */
export async function reconcileCalls(
  ground: ReconcileGround,
  command: Reconciliation,
): Promise<ReconciledCall[]> {
  const rows = await selectUnknown(ground.db, ground.organisationId, command.which)
  const settled = await Promise.all(rows.map((row) => settleRow(ground, row, command)))
  return settled.flatMap((call) => call ?? [])
}

type Row = { call_id: string; reserved: string[]; detail: unknown }

async function selectUnknown(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  which: Reconciliation['which'],
): Promise<Row[]> {
  const isOne = 'callId' in which
  const chosen = isOne
    ? sql`o.call_id = ${which.callId}::uuid`
    : sql`o.settled_at <= ${which.before}
        AND (${which.agentId ?? null}::uuid IS NULL OR i.agent_id = ${which.agentId ?? null}::uuid)`
  const found = await sql<Row>`
    SELECT o.call_id, i.reserved, o.detail FROM airworthy.call_outcomes o
    JOIN airworthy.call_intents i USING (organisation_id, call_id)
    WHERE o.organisation_id = ${organisationId} AND o.state = 'unknown' AND i.kind = 'model'
      AND ${chosen}
    ORDER BY o.call_id LIMIT ${isOne ? 1 : which.limit}`.execute(db)
  return found.rows
}

async function settleRow(
  ground: ReconcileGround,
  row: Row,
  command: Reconciliation,
): Promise<ReconciledCall | undefined> {
  const { as, operatorId, reason } = command
  const used = usedBy(row, as)
  const outcome: Outcome = {
    callId: row.call_id,
    state: as === 'zero' ? 'failed' : 'done',
    code: undefined,
    usage: typeof as === 'object' ? as.usage : undefined,
    used,
    response: undefined,
    resolvedBy: 'operator',
    operatorId,
    reason,
  }
  try {
    const { receipt } = await ground.settle(outcome)
    return { callId: row.call_id, used, receipt }
  } catch (thrown) {
    // Somebody else was quicker.
    if (thrown instanceof AirworthyError && thrown.code === 'call.unknown') return undefined
    throw thrown
  }
}

function usedBy(row: Row, as: Reconciliation['as']): Amounts {
  if (typeof as === 'object') return as.used
  if (as === 'zero') return noAmounts
  return as === 'worst' ? amountsOf(row.reserved) : (settledBeforeOf(row.detail) ?? oneCall)
}
