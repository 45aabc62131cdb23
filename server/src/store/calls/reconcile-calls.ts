// Model calls whose use nobody knows: an operator says what they used, or how it is to be settled.
// Each is settled by the recorder, with an entry of its own.
import { randomBytes } from 'node:crypto'
import { reasonSaltBytes } from '../../core/audit/reason.ts'
import { type Kysely, sql } from 'kysely'
import { type Amounts, noAmounts, oneCall } from '../../core/budget/budget.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { amountsOf } from '../recorder/ledger.ts'
import { settledBeforeOf } from '../recorder/outcome-detail.ts'
import type { Outcome, Settled, TokenUsage } from '../recorder/types.ts'
import type { Schema } from '../schema/schema.ts'

/**
 * `estimate`: what was used for certain, or one call where nothing is; `worst`: all that the call
 * reserved; `zero`: nothing but what was used for certain, which stays settled.
 */
export type ReconcileAs = 'estimate' | 'worst' | 'zero'

export type WhichCalls =
  | { readonly callId: string }
  | {
      /** Calls that were settled as unknown before this, the oldest first. */
      readonly before: Date
      readonly agentId?: string | undefined
      readonly limit: number
    }

export type Reconciliation = {
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

/** The recorder's. Throws `call.unknown` where the call is settled already. */
export type Settle = (outcome: Outcome) => Promise<Settled>

/** Settles calls that were listed, and gives them; one that is settled meanwhile is left out. */
export async function reconcileCalls(
  settle: Settle,
  calls: readonly UnknownCall[],
  command: Reconciliation,
): Promise<ReconciledCall[]> {
  const settled = await Promise.all(calls.map((call) => settleCall(settle, call, command)))
  return settled.flatMap((call) => call ?? [])
}

export type UnknownCall = {
  readonly callId: string
  readonly agentId: string
  readonly agentName: string
  readonly pactId: string
  /** The model's name. */
  readonly action: string
  /** The one that answered, if any did. */
  readonly endpoint: string | undefined
  readonly settledAt: Date
  readonly held: Amounts
  /** Settled already: it was used for certain. */
  readonly certain: Amounts | undefined
}

type Row = {
  call_id: string
  agent_id: string
  agent_name: string
  pact_id: string
  action: string
  settled_at: Date
  reserved: string[]
  detail: unknown
  endpoint: string | null
}

/** So long ago, by the database's clock. */
export async function timeBefore(db: Kysely<Schema>, seconds: number): Promise<Date> {
  const found = await sql<{ at: Date }>`
    SELECT clock_timestamp() - make_interval(secs => ${seconds}) AS at`.execute(db)
  const [row] = found.rows
  if (row === undefined) throw new Error('PostgreSQL answered no row')
  return row.at
}

/** Model calls whose use nobody knows. Locks nothing. */
export async function listUnknownCalls(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  which: WhichCalls,
): Promise<UnknownCall[]> {
  const isOne = 'callId' in which
  const chosen = isOne
    ? sql`o.call_id = ${which.callId}::uuid`
    : sql`o.settled_at <= ${which.before}
        AND (${which.agentId ?? null}::uuid IS NULL OR i.agent_id = ${which.agentId ?? null}::uuid)`
  const found = await sql<Row>`
    SELECT o.call_id, i.agent_id, a.name AS agent_name, i.pact_id, i.action, o.settled_at,
      i.reserved, o.detail, o.detail->>'endpoint' AS endpoint
    FROM airworthy.call_outcomes o
    JOIN airworthy.call_intents i USING (organisation_id, call_id)
    JOIN airworthy.agents a USING (organisation_id, agent_id)
    WHERE o.organisation_id = ${organisationId} AND o.state = 'unknown' AND i.kind = 'model'
      AND ${chosen}
    ORDER BY o.call_id LIMIT ${isOne ? 1 : which.limit}`.execute(db)
  return found.rows.map((row) => ({
    callId: row.call_id,
    agentId: row.agent_id,
    agentName: row.agent_name,
    pactId: row.pact_id,
    action: row.action,
    endpoint: row.endpoint ?? undefined,
    settledAt: row.settled_at,
    held: amountsOf(row.reserved),
    certain: settledBeforeOf(row.detail),
  }))
}

async function settleCall(
  settle: Settle,
  call: UnknownCall,
  command: Reconciliation,
): Promise<ReconciledCall | undefined> {
  const { as, operatorId, reason } = command
  const { callId } = call
  const used = usedBy(call, as)
  const outcome: Outcome = {
    callId,
    state: as === 'zero' ? 'failed' : 'done',
    code: undefined,
    usage: typeof as === 'object' ? as.usage : undefined,
    used,
    response: undefined,
    resolvedBy: 'operator',
    operatorId,
    reason: { text: reason, salt: randomBytes(reasonSaltBytes) },
  }
  try {
    const { receipt } = await settle(outcome)
    return { callId, used, receipt }
  } catch (thrown) {
    // Somebody else was quicker.
    if (thrown instanceof AirworthyError && thrown.code === 'call.unknown') return undefined
    throw thrown
  }
}

/** What the call is settled with. */
export function usedBy(call: UnknownCall, as: Reconciliation['as']): Amounts {
  if (typeof as === 'object') return as.used
  if (as === 'zero') return call.certain ?? noAmounts
  return as === 'worst' ? call.held : (call.certain ?? oneCall)
}
