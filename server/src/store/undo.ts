// The rows of an undo: intent first, outcome after.
import { hash } from 'node:crypto'
import { AirworthyError } from '../core/errors.ts'
import type { OrganisationId } from '../core/ids.ts'
import type { Database } from './database.ts'
import { appendEntries } from './log.ts'
import { runCommand } from './transaction.ts'

export type UndoableEffect = {
  readonly effectId: string
  readonly callId: string
  readonly sessionId: string
  readonly agentId: string
  readonly versionId: string
  readonly pactId: string
  readonly action: string
  readonly effectKey: string
}

/** `undoing` is entered once; an undo that failed, or was cut off, may be asked for again. */
export async function beginUndo(
  db: Database,
  organisationId: OrganisationId,
  command: { effectId: string; operatorId: string; reason: string },
): Promise<UndoableEffect> {
  return runCommand(db, organisationId, async (tx) => {
    const row = await tx
      .selectFrom('airworthy.effects as e')
      .innerJoin('airworthy.calls as c', (join) =>
        join
          .onRef('c.organisation_id', '=', 'e.organisation_id')
          .onRef('c.call_id', '=', 'e.call_id'),
      )
      .selectAll('e')
      .select(['c.version_id', 'c.pact_id'])
      .where('e.organisation_id', '=', organisationId)
      .where('e.effect_id', '=', command.effectId)
      .executeTakeFirst()
    if (row === undefined)
      throw new AirworthyError('effect.not_undoable', 'there is no such effect')
    if (row.effect_class === 'irreversible') {
      throw new AirworthyError('effect.not_undoable', 'the contract says that it is irreversible')
    }
    if (!['done', 'undo_failed', 'undoing'].includes(row.state)) {
      throw new AirworthyError('effect.not_undoable', `the effect is ${row.state}`)
    }
    const effect: UndoableEffect = {
      effectId: row.effect_id,
      callId: row.call_id,
      sessionId: row.session_id,
      agentId: row.agent_id,
      versionId: row.version_id,
      pactId: row.pact_id,
      action: row.action,
      effectKey: row.effect_key,
    }
    await change(tx, organisationId, {
      effect,
      type: 'effect.undo',
      state: 'undoing',
      isLive: true,
      body: {
        effect: effect.effectId,
        operator: command.operatorId,
        reason: hash('sha256', command.reason, 'base64url'),
      },
    })
    return effect
  })
}

export async function endUndo(
  db: Database,
  organisationId: OrganisationId,
  end: { effect: UndoableEffect; operatorId: string; isUndone: boolean },
): Promise<void> {
  await runCommand(db, organisationId, (tx) =>
    change(tx, organisationId, {
      effect: end.effect,
      type: end.isUndone ? 'effect.undone' : 'effect.undo_failed',
      state: end.isUndone ? 'undone' : 'undo_failed',
      // What is undone may be done again.
      isLive: !end.isUndone,
      body: { effect: end.effect.effectId, operator: end.operatorId },
    }),
  )
}

async function change(
  tx: Database,
  organisationId: OrganisationId,
  options: {
    effect: UndoableEffect
    type: 'effect.undo' | 'effect.undone' | 'effect.undo_failed'
    state: string
    isLive: boolean
    body: Record<string, string>
  },
): Promise<void> {
  const { effect } = options
  await appendEntries(tx, organisationId, [
    {
      type: options.type,
      agentId: effect.agentId,
      versionId: effect.versionId,
      pactId: effect.pactId,
      sessionId: effect.sessionId,
      callId: effect.callId,
      body: options.body,
    },
  ])
  await tx
    .updateTable('airworthy.effects')
    .set({ state: options.state, is_live: options.isLive })
    .where('organisation_id', '=', organisationId)
    .where('effect_id', '=', effect.effectId)
    .execute()
}

export async function findUnknownCall(
  db: Database,
  organisationId: OrganisationId,
  effectId: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('airworthy.effects')
    .select('call_id')
    .where('organisation_id', '=', organisationId)
    .where('effect_id', '=', effectId)
    .where('state', '=', 'unknown')
    .executeTakeFirst()
  return row?.call_id
}
