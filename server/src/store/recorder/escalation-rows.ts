// What a batch writes of escalation: triggers that were met, what agents were seen with, and how
// much they do. Nothing for agents whose pact has no triggers.
import type { EncounterKind, Trigger } from '../../core/escalation/escalation.ts'
import { type AgentWatch, formatWatch } from './agent-watch.ts'

export type FiringRow = {
  call_id: string
  trigger: Trigger
  codes: readonly string[]
  consequence: 'record' | 'hold' | 'handover'
  verdict: 'allow' | 'hold' | 'deny'
  enforced: boolean
  agent_id: string
  session_id: string
  action: string
  task: string | undefined
  /** Of its entry. */
  seq: string
}

export type EncounterRow = {
  agent_id: string
  kind: EncounterKind
  digest: string
  call_id: string
}

export type EscalationRows = {
  readonly firings: FiringRow[]
  readonly encounters: EncounterRow[]
  /** By agent: as it is once the batch is placed. */
  readonly watches: Map<string, AgentWatch>
}

export function createEscalationRows(): EscalationRows {
  return { firings: [], encounters: [], watches: new Map() }
}

type Bound = {
  readonly statement: { readonly name: string; readonly text: string }
  /** After the organisation's id, which is `$1`. */
  readonly values: unknown[]
}

export function escalationStatements(
  rows: EscalationRows,
  { logId, at }: { readonly logId: string; readonly at: string },
): Bound[] {
  return [
    ...rows.firings.map((row) => ({
      statement: insertFiring,
      values: [JSON.stringify(row), logId, at],
    })),
    ...rows.encounters.map((row) => ({
      statement: insertEncounter,
      values: [row.agent_id, row.kind, row.digest, row.call_id, at],
    })),
    ...[...rows.watches].map(([agentId, watch]) => ({
      statement: upsertWatch,
      values: [agentId, JSON.stringify(formatWatch(watch)), at],
    })),
  ]
}

// A held call that people approved is decided again, and meets the same triggers again.
const insertFiring = {
  name: 'airworthy-insert-firing',
  text: `INSERT INTO airworthy.escalation_firings (organisation_id, call_id, trigger, codes,
    consequence, verdict, enforced, agent_id, session_id, action, task, log_id, seq, at)
  SELECT $1, r.call_id, r.trigger, r.codes, r.consequence, r.verdict, r.enforced, r.agent_id,
    r.session_id, r.action, r.task, $3::bigint, r.seq, $4::timestamptz
  FROM json_to_record($2::json) AS r(call_id uuid, trigger text, codes text[], consequence text,
    verdict text, enforced boolean, agent_id uuid, session_id uuid, action text, task text,
    seq bigint)
  ON CONFLICT DO NOTHING`,
}

const insertEncounter = {
  name: 'airworthy-insert-encounter',
  text: `INSERT INTO airworthy.agent_encounters (organisation_id, agent_id, kind, digest, call_id, at)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (organisation_id, agent_id, kind, digest) DO UPDATE SET at = excluded.at`,
}

const upsertWatch = {
  name: 'airworthy-upsert-watch',
  text: `INSERT INTO airworthy.agent_watches (organisation_id, agent_id, watch, changed_at)
  VALUES ($1, $2, $3::json, $4)
  ON CONFLICT (organisation_id, agent_id)
  DO UPDATE SET watch = excluded.watch, changed_at = excluded.changed_at`,
}
