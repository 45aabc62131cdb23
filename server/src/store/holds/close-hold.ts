// The end of a hold: it is approved, rejected, or its time is over.
import { type Kysely, sql } from 'kysely'
import type { EntryValue } from '../../core/audit/entry.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { type FullHold, readFullHold } from './hold-rows.ts'
import type { Database } from '../database.ts'
import { runCommand } from '../transaction.ts'
import { appendEntries } from '../log/log.ts'
import { announce } from '../channels/outbox.ts'
import { reactToHold } from './run-holds.ts'
import type { Schema } from '../schema/schema.ts'

/** `canary`: it was approved, and nobody had asked for it. */
export type HoldEnd = 'approving' | 'rejected' | 'expired' | 'canary'

/** What decided it: an operator's vote, with a commitment to their words. */
export type DecidedBy = { readonly operatorId: string; readonly reason: string }

const types = {
  approving: 'hold.approved',
  rejected: 'hold.rejected',
  expired: 'hold.expired',
  canary: 'hold.canary_approved',
} as const

const codes = {
  rejected: 'hold.rejected',
  expired: 'hold.expired',
  canary: 'hold.canary',
} as const

/** Call it inside a command, with the hold as it was read there. */
export async function closeHold(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  change: {
    readonly hold: FullHold
    readonly end: HoldEnd
    readonly by?: DecidedBy | undefined
  },
): Promise<void> {
  const { hold, end, by } = change
  const at = await enterHold(tx, organisationId, {
    hold,
    type: types[end],
    body: {
      args: hold.argsHash,
      facts: hold.factsHash === '' ? undefined : hold.factsHash,
      hold: hold.holdId,
      operator: by?.operatorId,
      reason: by?.reason,
      round: hold.round,
      schema: hold.schemaHash,
    },
  })
  const isApproved = end === 'approving'
  await tx
    .updateTable('airworthy.holds')
    .set({
      state: end === 'canary' ? 'rejected' : end,
      decided_at: at.time,
      ...(isApproved ? { approved_round: hold.round } : {}),
    })
    .where('organisation_id', '=', organisationId)
    .where('hold_id', '=', hold.holdId)
    .execute()
  await announce(tx, organisationId, {
    kind: end === 'expired' ? 'hold.expired' : 'hold.decided',
    subject: hold.holdId,
    detail: { agent: hold.agentId, decision: isApproved ? 'approved' : end },
  })
  if (!isApproved) await denyCall(tx, organisationId, { hold, at, code: codes[end] })
}

/** Ends an approved hold whose call can no longer be made: its arguments are forgotten. */
export async function giveUpApproved(
  db: Database,
  organisationId: OrganisationId,
  holdId: string,
): Promise<void> {
  await runCommand(db, organisationId, async (tx) => {
    const hold = await readFullHold(tx, organisationId, holdId)
    if (hold?.state === 'approving') await closeHold(tx, organisationId, { hold, end: 'expired' })
  })
}

async function denyCall(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  denied: {
    readonly hold: FullHold
    readonly code: (typeof codes)[keyof typeof codes]
    readonly at: { readonly seq: bigint; readonly time: Date }
  },
): Promise<void> {
  const { hold, code, at } = denied
  await tx
    .insertInto('airworthy.call_outcomes')
    .values({
      organisation_id: organisationId,
      call_id: hold.callId,
      state: 'denied',
      code,
      outcome_seq: at.seq,
      settled_at: at.time,
    })
    .execute()
  if (hold.effectId === undefined) return
  // The effect keeps its key: a repeat hears what was decided, and asks nobody again.
  await sql`UPDATE airworthy.effects SET state = 'denied', settled_at = ${at.time}
    WHERE organisation_id = ${organisationId} AND effect_id = ${hold.effectId}`.execute(tx)
  await reactToHold(tx, organisationId, { callId: hold.callId, code })
}

/** Writes an entry about a hold; gives where it stands. */
export async function enterHold(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  entered: {
    readonly hold: FullHold
    readonly type:
      | 'hold.approved'
      | 'hold.rejected'
      | 'hold.expired'
      | 'hold.canary_approved'
      | 'hold.voted'
      | 'hold.level'
    readonly body: Readonly<Record<string, EntryValue | undefined>>
  },
): Promise<{ readonly seq: bigint; readonly time: Date }> {
  const { hold, type, body } = entered
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type,
      agentId: hold.agentId,
      versionId: hold.versionId,
      pactId: hold.pactId,
      sessionId: hold.sessionId,
      callId: hold.callId,
      body,
    },
  ])
  if (entry === undefined) throw new Error('an entry was not written')
  return { seq: entry.seq, time: new Date(entry.atMs) }
}
