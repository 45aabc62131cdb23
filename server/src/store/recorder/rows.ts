// The rows of one batch.
import { type AlertRow } from './alert-rows.ts'
import type { HoldRow, ReopenedRow, ReplacedRow } from './hold-rows.ts'
import type { HandoverCallRow, HandoverRow } from './handover-rows.ts'
import { createMoneyRows, type MoneyRows } from './money-rows.ts'
import type { NoticeRow } from './notice-rows.ts'
import { createEscalationRows, type EscalationRows } from './escalation-rows.ts'
import { createTaintRows, type TaintRows } from './taint-rows.ts'
import { createRunRows, type RunRows } from './run-rows.ts'

/**
 * The values of one column, for as many rows as there are: what `unnest` reads, but for the braces.
 * Text is appended as it comes, because an object a row and an array a column cost more than all
 * else that a batch does.
 */
export class Column {
  text = ''
  count = 0

  /** Ids, numbers, and words of our own: they need no quotes. */
  add(value: string | number | bigint | boolean | undefined): void {
    this.text += this.count === 0 ? (value ?? 'NULL') : `,${value ?? 'NULL'}`
    this.count += 1
  }

  /** Any text. */
  addText(value: string): void {
    const slashed = value.includes('\\') ? value.replaceAll('\\', '\\\\') : value
    const escaped = slashed.includes('"') ? slashed.replaceAll('"', '\\"') : slashed
    this.text += this.count === 0 ? `"${escaped}"` : `,"${escaped}"`
    this.count += 1
  }
}

/** An outcome of a call that was unknown: its row exists. */
export type ResolutionRow = {
  call_id: string
  state: string
  code: string | undefined
  pt: number | undefined
  ct: number | undefined
  ot: number | undefined
  cost: string | undefined
  seq: string
  detail: unknown
}

/** A held call that goes on: its row exists. */
export type ResumeRow = {
  call_id: string
  state: string
  code: string | undefined
  reasons: unknown
  reserved: string
  ledgers: readonly string[] | undefined
  pact_id: string
  seq: string
}

export type EffectRow = {
  effect_id: string
  call_id: string
  session_id: string
  agent_id: string
  action: string
  effect_class: string
  effect_key: string
  args_hash: string
  state: string
  amount_minor: string | undefined
  currency: string | undefined
  expires_ms: number | undefined
  touches: readonly string[] | undefined
}

/** Without `is_live` it stays as it is. */
export type EffectChange = {
  effect_id: string
  state: string
  is_live: boolean | undefined
  undo_call_id?: string
}

export type BatchRows = {
  readonly chunks: Buffer[]
  bytes: number
  readonly entries: Record<'off' | 'len', Column>
  readonly payloads: Record<'callId' | 'part' | 'subject' | 'off' | 'len', Column>
  readonly calls: CallColumns
  readonly outcomes: OutcomeColumns
  /** `amounts` is an array literal: settled, reserved, leased, unknown and overrun, five each. */
  readonly ledgers: Record<'id' | 'facts' | 'amounts', Column>
  readonly heads: Record<'agentId' | 'number' | 'hash', Column>
  readonly resolutions: ResolutionRow[]
  readonly flows: { call_id: string; flow: 'read' | 'write' }[]
  readonly checks: { call_id: string; checks: unknown }[]
  readonly resumes: ResumeRow[]
  readonly effects: EffectRow[]
  readonly effectChanges: EffectChange[]
  readonly holds: HoldRow[]
  readonly reopened: ReopenedRow[]
  readonly replaced: ReplacedRow[]
  readonly holdChanges: { hold_id: string; state: string }[]
  readonly leases: { scope_id: string; amounts: string }[]
  readonly alerts: AlertRow[]
  readonly notices: NoticeRow[]
  readonly handovers: HandoverRow[]
  readonly handoverCalls: HandoverCallRow[]
  readonly escalation: EscalationRows
  readonly money: MoneyRows
  readonly taint: TaintRows
  readonly runs: RunRows
}

export type CallColumns = ReturnType<typeof callColumns>
export type OutcomeColumns = ReturnType<typeof outcomeColumns>

const callColumns = () => ({
  callId: new Column(),
  sessionId: new Column(),
  agentId: new Column(),
  versionId: new Column(),
  pactId: new Column(),
  apiKeyId: new Column(),
  kind: new Column(),
  action: new Column(),
  state: new Column(),
  verdict: new Column(),
  enforced: new Column(),
  code: new Column(),
  reasons: new Column(),
  /** Array literals, in the order of the units. */
  reserved: new Column(),
  effectId: new Column(),
  repeatOf: new Column(),
  seq: new Column(),
  /** Array literals; none for calls that no policy is for. */
  ledgers: new Column(),
})

const outcomeColumns = () => ({
  callId: new Column(),
  state: new Column(),
  code: new Column(),
  promptTokens: new Column(),
  cachedTokens: new Column(),
  completionTokens: new Column(),
  cost: new Column(),
  seq: new Column(),
  /** JSON; none for what is no model call. */
  detail: new Column(),
})

export function createRows(): BatchRows {
  return {
    chunks: [],
    bytes: 0,
    entries: { off: new Column(), len: new Column() },
    payloads: {
      callId: new Column(),
      part: new Column(),
      subject: new Column(),
      off: new Column(),
      len: new Column(),
    },
    calls: callColumns(),
    outcomes: outcomeColumns(),
    ledgers: { id: new Column(), facts: new Column(), amounts: new Column() },
    heads: { agentId: new Column(), number: new Column(), hash: new Column() },
    resolutions: [],
    checks: [],
    flows: [],
    resumes: [],
    effects: [],
    effectChanges: [],
    holds: [],
    reopened: [],
    replaced: [],
    holdChanges: [],
    leases: [],
    alerts: [],
    notices: [],
    handovers: [],
    handoverCalls: [],
    escalation: createEscalationRows(),
    money: createMoneyRows(),
    taint: createTaintRows(),
    runs: createRunRows(),
  }
}

/** Keeps the bytes for the batch's one binary parameter; gives where they begin in it, from 1. */
export function addBytes(rows: BatchRows, bytes: Buffer): number {
  // substring() of bytea counts from 1.
  const off = rows.bytes + 1
  rows.chunks.push(bytes)
  rows.bytes += bytes.length
  return off
}
