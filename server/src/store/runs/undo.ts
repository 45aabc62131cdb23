// Effects that are to be taken back: what an undo needs to know of them.
import { CompiledQuery } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import { findUndoTarget } from '../recorder/touching.ts'
import type { UndoTarget } from '../recorder/types.ts'

export type UndoableEffect = {
  readonly effectId: string
  readonly callId: string
  readonly sessionId: string
  readonly apiKeyId: string
  /** The pact under which it was made: its contract says how it is undone. */
  readonly pactId: string
  readonly action: string
  readonly effectClass: string
  readonly effectKey: string
  readonly state: string
}

export async function findUndoableEffect(
  db: Database,
  organisationId: OrganisationId,
  effectId: string,
): Promise<UndoableEffect | undefined> {
  const row = await db
    .selectFrom('airworthy.effects as e')
    .innerJoin('airworthy.call_intents as c', (join) =>
      join
        .onRef('c.organisation_id', '=', 'e.organisation_id')
        .onRef('c.call_id', '=', 'e.call_id'),
    )
    .selectAll('e')
    .select(['c.api_key_id', 'c.pact_id'])
    .where('e.organisation_id', '=', organisationId)
    .where('e.effect_id', '=', effectId)
    .executeTakeFirst()
  if (row === undefined) return undefined
  return {
    effectId: row.effect_id,
    callId: row.call_id,
    sessionId: row.session_id,
    apiKeyId: row.api_key_id,
    pactId: row.pact_id,
    action: row.action,
    effectClass: row.effect_class,
    effectKey: row.effect_key,
    state: row.state,
  }
}

/** What stands in the way now; the recorder asks again under the lock. */
export async function readUndoTarget(
  db: Database,
  organisationId: OrganisationId,
  effectId: string,
): Promise<UndoTarget | undefined> {
  const query = async <Row>(text: string, values: unknown[]): Promise<Row[]> => {
    const { rows } = await db.executeQuery<Row>(CompiledQuery.raw(text, values))
    return rows
  }
  return findUndoTarget(query, { organisationId, effectId })
}

/** The call that is to be settled when a person says what became of an effect, or of its undo. */
export async function findUnknownCall(
  db: Database,
  organisationId: OrganisationId,
  effectId: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('airworthy.effects as e')
    .leftJoin('airworthy.calls as u', (join) =>
      join
        .onRef('u.organisation_id', '=', 'e.organisation_id')
        .onRef('u.call_id', '=', 'e.undo_call_id'),
    )
    .select(['e.call_id', 'e.state', 'e.undo_call_id', 'u.state as undo_state'])
    .where('e.organisation_id', '=', organisationId)
    .where('e.effect_id', '=', effectId)
    .executeTakeFirst()
  if (row?.state === 'unknown') return row.call_id
  if (row?.state === 'undoing' && row.undo_state === 'unknown') return row.undo_call_id ?? undefined
  return undefined
}
