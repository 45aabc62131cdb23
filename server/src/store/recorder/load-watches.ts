// Reads what triggers ask about agents: under the lock like all of the recorder's state, and only
// for agents whose pact has them watched.
import type { EncounterKind } from '../../core/escalation/escalation.ts'
import { encounterKey, parseWatch } from './agent-watch.ts'
import type { RecorderState, Scope } from './state.ts'
import type { Intent } from './types.ts'

const encountersMax = 50_000

type EncounterRow = { agent_id: string; kind: EncounterKind; digest: string; at: Date }

/** True where nothing has to be read to know what the intent's triggers ask. */
export function isWatchKnown(state: RecorderState, { watch, principal }: Intent): boolean {
  if (watch === undefined) return true
  const { agentId } = principal
  if (!state.watches.has(agentId)) return false
  return watch.encounters.every((each) => state.encounters.has(encounterKey(agentId, each)))
}

/** Reads what is missing. Must be called while the head's lock is held. */
export async function loadWatches(
  state: RecorderState,
  scope: Scope,
  intents: readonly Intent[],
): Promise<void> {
  const watched = intents.filter(({ watch }) => watch !== undefined)
  if (watched.length === 0) return
  if (state.encounters.size > encountersMax) state.encounters.clear()
  const agentIds = [...new Set(watched.map(({ principal }) => principal.agentId))]
  const unknown = agentIds.filter((agentId) => !state.watches.has(agentId))
  if (unknown.length > 0) await loadAgents(state, scope, unknown)
  await loadEncounters(state, scope, watched)
}

async function loadAgents(state: RecorderState, scope: Scope, agentIds: string[]): Promise<void> {
  const found = await scope.client.query<{ agent_id: string; watch: unknown }>(
    `SELECT agent_id, watch FROM airworthy.agent_watches
    WHERE organisation_id = $1 AND agent_id = ANY($2::uuid[])`,
    [scope.organisationId, agentIds],
  )
  const rows = new Map(found.rows.map((row) => [row.agent_id, row.watch]))
  for (const agentId of agentIds) state.watches.set(agentId, parseWatch(rows.get(agentId)))
}

async function loadEncounters(
  state: RecorderState,
  scope: Scope,
  intents: readonly Intent[],
): Promise<void> {
  const missing = intents.flatMap(({ watch, principal }) =>
    (watch?.encounters ?? [])
      .map((each) => ({ ...each, agentId: principal.agentId }))
      .filter((each) => !state.encounters.has(encounterKey(each.agentId, each))),
  )
  if (missing.length === 0) return
  const found = await scope.client.query<EncounterRow>(
    `SELECT e.agent_id, e.kind, e.digest, e.at FROM airworthy.agent_encounters e
      JOIN unnest($2::uuid[], $3::text[], $4::text[]) AS asked(agent_id, kind, digest)
      USING (agent_id, kind, digest)
    WHERE e.organisation_id = $1`,
    [
      scope.organisationId,
      missing.map((each) => each.agentId),
      missing.map((each) => each.kind),
      missing.map((each) => each.digest),
    ],
  )
  for (const each of missing) state.encounters.set(encounterKey(each.agentId, each), undefined)
  for (const row of found.rows)
    state.encounters.set(encounterKey(row.agent_id, row), row.at.getTime())
}
