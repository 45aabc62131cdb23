// What time does to holds: the next level is asked, and at the end the call is denied. However many
// wait, it is one look at an index a second.
import { type Kysely, sql } from 'kysely'
import { levelSeconds } from '../../core/approval/policy.ts'
import { countVotes } from '../../core/approval/quorum.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { closeHold, enterHold } from './close-hold.ts'
import type { Database } from '../database.ts'
import { type FullHold, readFullHold, readVotes } from './hold-rows.ts'
import { announce } from '../channels/outbox.ts'
import type { Schema } from '../schema/schema.ts'
import { runCommand } from '../transaction.ts'

/**
 * Brings holds whose level or time is over to now. Gives how many; at most a page of them. One that
 * fails keeps none of the others from its turn; then this throws when all had theirs.
 */
export async function stepHolds(
  db: Database,
  organisationId: OrganisationId,
  limit: number,
): Promise<number> {
  const due = await db
    .selectFrom('airworthy.holds')
    .select('hold_id')
    .where('organisation_id', '=', organisationId)
    .where('state', '=', 'pending')
    .where('next_at', '<=', sql<Date>`clock_timestamp()`)
    .orderBy('next_at')
    .limit(limit)
    .execute()
  const holdIds = due.map((row) => row.hold_id)
  if (holdIds.length === 0) return 0
  try {
    await step(db, organisationId, holdIds)
  } catch (cause) {
    if (holdIds.length === 1) throw cause
    const failures: unknown[] = []
    for (const holdId of holdIds) {
      const alone = step(db, organisationId, [holdId])
      await alone.catch((thrown: unknown) => failures.push(thrown))
    }
    if (failures.length > 0) {
      throw new AggregateError(failures, `holds failed: ${String(cause)}`, { cause })
    }
  }
  return holdIds.length
}

async function step(
  db: Database,
  organisationId: OrganisationId,
  holdIds: readonly string[],
): Promise<void> {
  await runCommand(db, organisationId, async (tx) => {
    for (const holdId of holdIds) {
      const hold = await readFullHold(tx, organisationId, holdId)
      if (hold !== undefined) await bringToNow(tx, organisationId, hold)
    }
  })
}

/**
 * Asks the levels whose turn it is, and ends a hold whose time is over. Call it inside a command.
 * Gives the hold as it is then.
 */
export async function bringToNow(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  before: FullHold,
): Promise<FullHold> {
  let hold = before
  while (hold.state === 'pending') {
    if (hold.expiresAt.getTime() <= hold.nowMs) {
      await closeHold(tx, organisationId, { hold, end: 'expired' })
      return { ...hold, state: 'expired' }
    }
    const isOver = hold.levelUntil.getTime() <= hold.nowMs
    if (!isOver || hold.level >= hold.policy.levels.length) return hold
    hold = await askNextLevel(tx, organisationId, hold)
  }
  return hold
}

async function askNextLevel(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  hold: FullHold,
): Promise<FullHold> {
  const { holdId, round } = hold
  const level = hold.level + 1
  // From the end of the last level, not from now: a server that stood still makes nobody wait longer.
  const lastsMs = (levelSeconds(hold.policy, level) ?? 0) * 1000
  const isLast = level === hold.policy.levels.length
  const levelUntil = isLast ? hold.expiresAt : new Date(hold.levelUntil.getTime() + lastsMs)
  await enterHold(tx, organisationId, {
    hold,
    type: 'hold.level',
    body: { hold: holdId, level, round, until: levelUntil.getTime() },
  })
  await tx
    .updateTable('airworthy.holds')
    .set({ level, level_until: levelUntil })
    .where('organisation_id', '=', organisationId)
    .where('hold_id', '=', holdId)
    .execute()
  await announce(tx, organisationId, {
    kind: 'hold.level',
    subject: holdId,
    detail: { agent: hold.agentId, level, round },
  })
  const next = { ...hold, level, levelUntil }
  // Approvers of this level may have voted while an earlier one was asked.
  const votes = await readVotes(tx, organisationId, { holdId, round })
  const standing = countVotes(hold.policy, level, votes)
  if (standing === 'open') return next
  const end = standing === 'approved' ? 'approving' : 'rejected'
  await closeHold(tx, organisationId, { hold: next, end })
  return { ...next, state: end }
}
