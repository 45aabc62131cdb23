// One batch in the making: the numbers it hands out, the rows it will write, what it touched.
import { buildEntry, type EntryDraft, formatReceipt, noEntry } from '../../core/audit/entry.ts'
import { type Budget, growLease } from '../../core/budget/budget.ts'
import { addBytes, type BatchRows, createRows } from './rows.ts'
import { formatLedgerFacts, type Ledger } from './ledger.ts'
import type { OpenCall, RecorderState, Scope, SessionState } from './state.ts'
import type { SealedPayload } from './types.ts'

export type Batch = {
  readonly scope: Scope
  readonly state: RecorderState
  readonly nowMs: number
  /** The same, as RFC 3339. */
  readonly at: string
  readonly rows: BatchRows
  readonly openCalls: Map<string, OpenCall>
  readonly firstSeq: bigint
  nextSeq: bigint
  /** With the leases as they were durable before this batch, in the order of the budgets. */
  readonly touchedLedgers: Map<Ledger, readonly bigint[]>
  readonly touchedAgents: Set<string>
  /** Per budget: what is left of the lease that was durable before this batch. */
  readonly leaseLeft: Map<Budget, bigint>
  readonly leaseWanted: Map<Budget, { largest: bigint; count: bigint }>
}

export function openBatch(options: {
  scope: Scope
  state: RecorderState
  nowMs: number
  at: string
  openCalls: Map<string, OpenCall>
}): Batch {
  return {
    ...options,
    rows: createRows(),
    firstSeq: options.state.size,
    nextSeq: options.state.size,
    touchedLedgers: new Map(),
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
  const entry = buildEntry(draft, { number, previous: head.hash, at: batch.at })
  state.heads.set(draft.agentId, { number, hash: entry.hash })
  batch.touchedAgents.add(draft.agentId)
  const seq = batch.nextSeq
  batch.nextSeq += 1n
  rows.entries.off.add(addBytes(rows, entry.bytes))
  rows.entries.len.add(entry.bytes.length)
  return { seq, receipt: formatReceipt(batch.scope.logId, seq, entry.hash) }
}

export const requestPart = 1
export const responsePart = 2

export function store(batch: Batch, callId: string, part: number, payload: SealedPayload): void {
  const { rows } = batch
  const { payloads } = rows
  payloads.callId.add(callId)
  payloads.part.add(part)
  payloads.subject.add(addBytes(rows, payload.subjectId))
  payloads.off.add(addBytes(rows, payload.sealed))
  payloads.len.add(payload.sealed.length)
}

/** Turns what was touched into rows. Called once, before the batch is sent. */
export function closeBatch(batch: Batch): void {
  const { rows, state } = batch
  growLeases(batch)
  for (const [ledger, leasesBefore] of batch.touchedLedgers) {
    addLedger(rows, ledger)
    const isSame = ledger.budgets.every((budget, at) => budget.lease === leasesBefore[at])
    if (isSame) continue
    rows.leases.push({
      scope_id: ledger.scopeId,
      amounts: leaseArray(ledger),
    })
  }
  for (const agentId of batch.touchedAgents) {
    const head = state.heads.get(agentId)
    if (head === undefined) continue
    rows.heads.agentId.add(agentId)
    rows.heads.number.add(head.number)
    rows.heads.hash.add(Buffer.from(head.hash, 'base64url').toString('hex'))
  }
}

function addLedger(rows: BatchRows, ledger: Ledger): void {
  let settled = ''
  let reserved = ''
  let leased = ''
  let unknown = ''
  let overrun = ''
  for (const budget of ledger.byUnit) {
    settled += `${budget?.settled ?? 0},`
    reserved += `${budget?.reserved ?? 0},`
    leased += `${budget === undefined ? 0 : budget.leasedByOthers + budget.lease},`
    unknown += `${budget?.unknown ?? 0},`
    overrun += `${budget?.overrun ?? 0},`
  }
  rows.ledgers.id.add(ledger.scopeId)
  rows.ledgers.facts.addText(formatLedgerFacts(ledger))
  rows.ledgers.amounts.addText(`{${settled}${reserved}${leased}${unknown}${overrun.slice(0, -1)}}`)
}

/** In the order of the units; a unit without a limit has no budget, and no lease. */
function leaseArray(ledger: Ledger): string {
  return `{${ledger.byUnit.map((budget) => budget?.lease ?? 0n).join(',')}}`
}

/** Must be called before anything of the session, or of its budgets, changes. */
export function touchSession(batch: Batch, session: SessionState): void {
  touchLedger(batch, session.ledger)
  if (session.agentLedger.budgets.length > 0) touchLedger(batch, session.agentLedger)
}

export function touchLedger(batch: Batch, ledger: Ledger): void {
  if (batch.touchedLedgers.has(ledger)) return
  batch.touchedLedgers.set(
    ledger,
    ledger.budgets.map((budget) => budget.lease),
  )
}

/** A lease is at most this part of its limit: a crash turns it into unknown for good. */
const leaseParts = 4n
const leaseCallsMax = 256n

/**
 * A lease is twice what model calls asked of the budget in this batch, so that the next batch's
 * may leave before their intent is durable. It is written again only when it moves.
 */
function growLeases(batch: Batch): void {
  for (const [budget, { largest, count }] of batch.leaseWanted) {
    const calls = count * 2n > leaseCallsMax ? leaseCallsMax : count * 2n
    const wanted = largest * calls
    const most = budget.limit / leaseParts
    growLease(budget, wanted <= most ? wanted : most)
  }
}
