// One batch in the making: the numbers it hands out, the rows it will write, what it touched.
import { buildEntry, type EntryDraft, formatReceipt, noEntry } from '../../core/audit/entry.ts'
import type { Budget } from '../../core/budget/budget.ts'
import { addBytes, type BatchRows, createRows } from './rows.ts'
import {
  formatFacts,
  type OpenCall,
  type RecorderState,
  type Scope,
  type SessionState,
} from './state.ts'
import type { SealedPayload } from './types.ts'

export type Batch = {
  readonly scope: Scope
  readonly state: RecorderState
  readonly nowMs: number
  readonly rows: BatchRows
  readonly openCalls: Map<string, OpenCall>
  readonly firstSeq: bigint
  nextSeq: bigint
  readonly touchedSessions: Set<SessionState>
  /** With the lease as it was durable before this batch. */
  readonly touchedBudgets: Map<Budget, bigint>
  readonly touchedAgents: Set<string>
  /** Per budget: what is left of the lease that was durable before this batch. */
  readonly leaseLeft: Map<Budget, bigint>
  readonly leaseWanted: Map<Budget, { largest: bigint; count: bigint }>
}

export function openBatch(options: {
  scope: Scope
  state: RecorderState
  nowMs: number
  openCalls: Map<string, OpenCall>
}): Batch {
  return {
    ...options,
    rows: createRows(),
    firstSeq: options.state.size,
    nextSeq: options.state.size,
    touchedSessions: new Set(),
    touchedBudgets: new Map(),
    touchedAgents: new Set(),
    leaseLeft: new Map(),
    leaseWanted: new Map(),
  }
}

/** Gives the entry its place in the log and in its agent's chain. */
export function record(batch: Batch, draft: EntryDraft): { seq: bigint; receipt: string } {
  const { state, rows } = batch
  const head = state.heads.get(draft.agentId) ?? { number: 0n, hash: noEntry }
  const number = head.number + 1n
  const entry = buildEntry(draft, { number, previous: head.hash, atMs: batch.nowMs })
  state.heads.set(draft.agentId, { number, hash: entry.hash })
  batch.touchedAgents.add(draft.agentId)
  const seq = batch.nextSeq
  batch.nextSeq += 1n
  rows.entries.push(addBytes(rows, entry.bytes))
  return { seq, receipt: formatReceipt(batch.scope.logId, seq, entry.hash) }
}

export const requestPart = 1
export const responsePart = 2

export function store(batch: Batch, callId: string, part: number, payload: SealedPayload): void {
  const place = addBytes(batch.rows, payload.sealed)
  batch.rows.payloads.push({
    call_id: callId,
    part,
    subject: payload.subjectId.toString('hex'),
    ...place,
  })
}

/** Turns what was touched into rows. Called once, before the batch is sent. */
export function closeBatch(batch: Batch): void {
  const { rows, state } = batch
  for (const session of batch.touchedSessions) {
    rows.sessions.push({ id: session.id, facts: formatFacts(session.facts) })
  }
  adjustLeases(batch)
  for (const budget of batch.touchedBudgets.keys()) {
    rows.budgets.push({
      id: budget.id,
      settled: budget.settled.toString(),
      reserved: budget.reserved.toString(),
      leased: (budget.leasedByOthers + budget.lease).toString(),
      unknown: budget.unknown.toString(),
      overrun: budget.overrun.toString(),
    })
  }
  for (const agentId of batch.touchedAgents) {
    const head = state.heads.get(agentId)
    if (head === undefined) continue
    rows.heads.push({
      agent_id: agentId,
      number: head.number.toString(),
      hash: head.hash.toString('hex'),
    })
  }
}

/** Must be called before a budget changes. */
export function touchBudget(batch: Batch, budget: Budget): void {
  if (!batch.touchedBudgets.has(budget)) batch.touchedBudgets.set(budget, budget.lease)
}

const leaseCallsMax = 256n

/**
 * A lease is twice what model calls asked of the budget in this batch, so that the next batch's
 * may leave before their intent is durable. It is written again only when it moves.
 */
function adjustLeases(batch: Batch): void {
  for (const [budget, { largest, count }] of batch.leaseWanted) {
    const calls = count * 2n > leaseCallsMax ? leaseCallsMax : count * 2n
    const target = largest * calls
    if (budget.lease >= target) continue
    const taken = budget.settled + budget.reserved + budget.unknown + budget.overrun
    const room = budget.limit - taken - budget.leasedByOthers
    budget.lease = target <= room ? target : room > 0n ? room : 0n
  }
  for (const [budget, before] of batch.touchedBudgets) {
    if (budget.lease === before) continue
    batch.rows.leases.push({ budget_id: budget.id, amount: budget.lease.toString() })
  }
}
