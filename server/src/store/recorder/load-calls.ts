// Calls that the recorder does not remember: of another process, or of a connection that is gone.
import type { OpenCall, Scope } from './state.ts'

/** Calls that this process did not open, or opened on a connection that is gone. */
export async function loadCalls(scope: Scope, ids: string[]): Promise<Map<string, OpenCall>> {
  const found = await scope.client.query<{
    call_id: string
    session_id: string
    agent_id: string
    version_id: string
    pact_id: string
    kind: 'model' | 'tool'
    action: string
    state: string
    reserved: string[]
    effect_id: string | null
    effect_key: string | null
    effect_class: string | null
  }>(
    `SELECT c.call_id, c.session_id, c.agent_id, c.version_id, c.pact_id, c.kind, c.action,
      c.state, c.reserved, c.effect_id,
      e.effect_key, e.effect_class
    FROM airworthy.calls c LEFT JOIN airworthy.effects e
      ON e.organisation_id = c.organisation_id AND e.effect_id = c.effect_id
    WHERE c.organisation_id = $1 AND c.call_id = ANY($2::uuid[])
      AND c.state IN ('executing', 'unknown')`,
    [scope.organisationId, ids],
  )
  return new Map(
    found.rows.map((row) => [
      row.call_id,
      {
        callId: row.call_id,
        sessionId: row.session_id,
        agentId: row.agent_id,
        versionId: row.version_id,
        pactId: row.pact_id,
        kind: row.kind,
        action: row.action,
        isWrite: row.effect_class !== null && row.effect_class !== 'read',
        held: {
          calls: BigInt(row.reserved[0] ?? '0'),
          tokens: BigInt(row.reserved[1] ?? '0'),
          nanoUsd: BigInt(row.reserved[2] ?? '0'),
        },
        bucket: row.state === 'unknown' ? 'unknown' : 'reserved',
        effectId: row.effect_id ?? undefined,
        effectKey: row.effect_key ?? undefined,
      } as const,
    ]),
  )
}

/** Which of these calls are held: only those may be resumed, and only once. */
export async function loadHeldIds(scope: Scope, ids: string[]): Promise<Set<string>> {
  const found = await scope.client.query<{ call_id: string }>(
    `SELECT call_id FROM airworthy.calls
    WHERE organisation_id = $1 AND call_id = ANY($2::uuid[]) AND state = 'held'`,
    [scope.organisationId, ids],
  )
  return new Set(found.rows.map((row) => row.call_id))
}
