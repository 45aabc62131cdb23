// The entries of a kill, and the notices of it: written as soon as the log can be, which may be
// after the kill is in force. A job writes what a process that died left out.
import { type Kysely, sql } from 'kysely'
import { commitReason } from '../../core/audit/reason.ts'
import type { EntryDraft } from '../../core/audit/entry.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import { appendEntries } from '../log/log.ts'
import { announce } from '../channels/outbox.ts'
import type { Schema } from '../schema/schema.ts'
import { runCommand } from '../transaction.ts'

const nameCharactersMax = 96

/** Writes what is not written yet of the kill; again and again changes nothing. */
export async function enterKill(
  db: Database,
  organisationId: OrganisationId,
  killId: string,
): Promise<void> {
  await runCommand(db, organisationId, async (tx) => {
    const row = await tx
      .selectFrom('airworthy.kills')
      .selectAll()
      .where('organisation_id', '=', organisationId)
      .where('kill_id', '=', killId)
      .executeTakeFirst()
    if (row === undefined) return
    if (row.issued_seq === null) {
      await enter(tx, organisationId, {
        row,
        draft: issuedOf(organisationId, row),
        notice: 'issued',
      })
    }
    if (row.acknowledged_at !== null && row.acknowledged_seq === null) {
      const draft = acknowledgedOf(organisationId, row)
      await enter(tx, organisationId, { row, draft, notice: 'acknowledged' })
    }
  })
}

type Row = Awaited<ReturnType<typeof readKill>>

function readKill(tx: Kysely<Schema>) {
  return tx.selectFrom('airworthy.kills').selectAll().executeTakeFirstOrThrow()
}

function issuedOf(organisationId: OrganisationId, row: Row): EntryDraft {
  const { scope_kind: kind, scope_id: id } = row
  return {
    type: 'kill.issued',
    agentId: organisationId,
    versionId: kind === 'version' ? id : undefined,
    sessionId: kind === 'session' ? id : undefined,
    body: {
      action: kind === 'tool' ? id.slice(0, nameCharactersMax) : undefined,
      at: row.issued_at.getTime(),
      epoch: row.epoch,
      kill: row.kill_id,
      mode: row.mode,
      operator: row.issued_by ?? undefined,
      reason: commitReason(row.reason_salt, row.reason),
      rule: row.rule?.slice(0, nameCharactersMax),
      scope: kind,
      target: kind === 'tool' ? undefined : id,
    },
  }
}

function acknowledgedOf(organisationId: OrganisationId, row: Row): EntryDraft {
  return {
    type: 'kill.acknowledged',
    agentId: organisationId,
    body: { at: row.acknowledged_at?.getTime(), epoch: row.epoch, kill: row.kill_id },
  }
}

async function enter(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  entry: {
    readonly row: Row
    readonly draft: EntryDraft
    readonly notice: 'issued' | 'acknowledged'
  },
): Promise<void> {
  const { row, draft, notice } = entry
  const [appended] = await appendEntries(tx, organisationId, [draft])
  const column = sql.ref(`${notice}_seq`)
  await sql`UPDATE airworthy.kills SET ${column} = ${appended?.seq ?? null}
    WHERE organisation_id = ${organisationId} AND kill_id = ${row.kill_id}`.execute(tx)
  const { mode, scope_kind: scope, scope_id: target } = row
  await announce(tx, organisationId, {
    kind: `kill.${notice}`,
    subject: row.kill_id,
    detail: { mode, scope, target },
  })
}
