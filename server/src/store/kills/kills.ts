// Kills: what was stopped, who said so, and which gateways have confirmed it. A kill is in force with
// the commit of one statement, which waits for no lock of the log: a gateway that hangs while it
// holds that lock must not keep a person from stopping everything. Its entries follow at once.
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { reasonSaltBytes } from '../../core/audit/reason.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { KillMode, KillScope } from '../../core/kill/kill.ts'
import { type GatewayStanding, isAcknowledged } from '../../core/kill/lease.ts'
import type { Database } from '../database.ts'
import { appendEntries } from '../log/log.ts'
import { listUnfenced } from './unfenced-replicas.ts'
import { announce } from '../channels/outbox.ts'
import type { Schema } from '../schema/schema.ts'

/** Gateways are woken by it; they ask each second all the same. */
export const killChannel = 'airworthy_kill'
/** Gateways that are gone are shown with the kills that they took part in, and forgotten. */
const gatewaysShownMax = 1000

export type KillRow = {
  readonly killId: string
  readonly epoch: bigint
  readonly scope: KillScope
  readonly mode: KillMode
  readonly reason: string
  readonly issuedBy: string | null
  /** The rule of a pact that issued it, where no person did. */
  readonly rule: string | null
  readonly revokesKeys: boolean
  readonly issuedAt: Date
  readonly acknowledgedAt: Date | null
  readonly finishedAt: Date | null
  readonly cancelledHolds: number
  readonly unwoundRuns: number
  readonly resumedAt: Date | null
  readonly resumeProposedBy: string | null
  readonly resumeConfirmedBy: string | null
}

export type KillCommand = {
  readonly scope: KillScope
  readonly mode: KillMode
  readonly reason: string
  /** An operator, or the rule of a pact. */
  readonly by: { readonly operatorId: string } | { readonly rule: string }
  readonly revokesKeys: boolean
}

/** Puts a kill in force. Gateways hear of it with the commit. */
export async function issueKill(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  command: KillCommand,
): Promise<KillRow> {
  const { scope, mode, reason, by, revokesKeys } = command
  const killId = randomUUIDv7()
  await ensureEpoch(db, organisationId)
  // One statement: the row that every renewal takes is locked no longer than it must be.
  await sql`WITH fence AS (
      UPDATE airworthy.kill_epochs SET epoch = epoch + 1
      WHERE organisation_id = ${organisationId} RETURNING epoch
    ), issued AS (
      INSERT INTO airworthy.kills (organisation_id, kill_id, epoch, scope_kind, scope_id, mode,
        reason, reason_salt, issued_by, rule, revokes_keys, issued_at)
      SELECT ${organisationId}, ${killId}, epoch, ${scope.kind}, ${scope.id}, ${mode}, ${reason},
        ${randomBytes(reasonSaltBytes)}, ${'operatorId' in by ? by.operatorId : null}::uuid,
        ${'rule' in by ? by.rule : null}, ${revokesKeys}, clock_timestamp()
      FROM fence RETURNING epoch
    ) SELECT pg_notify(${killChannel}, epoch::text) FROM issued`.execute(db)
  return requireKill(db, organisationId, killId)
}

/** The row of the fence, made with the first gateway or kill. */
export async function ensureEpoch(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<void> {
  await sql`INSERT INTO airworthy.kill_epochs (organisation_id) VALUES (${organisationId})
    ON CONFLICT DO NOTHING`.execute(db)
}

function selectKills(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db.selectFrom('airworthy.kills').selectAll().where('organisation_id', '=', organisationId)
}

type SelectedKill = Awaited<ReturnType<ReturnType<typeof selectKills>['execute']>>[number]

function killOf(row: SelectedKill): KillRow {
  return {
    killId: row.kill_id,
    epoch: BigInt(row.epoch),
    scope: { kind: row.scope_kind, id: row.scope_id },
    mode: row.mode,
    reason: row.reason,
    issuedBy: row.issued_by,
    rule: row.rule,
    revokesKeys: row.revokes_keys,
    issuedAt: row.issued_at,
    acknowledgedAt: row.acknowledged_at,
    finishedAt: row.finished_at,
    cancelledHolds: row.cancelled_holds,
    unwoundRuns: row.unwound_runs,
    resumedAt: row.resumed_at,
    resumeProposedBy: row.resume_proposed_by,
    resumeConfirmedBy: row.resume_confirmed_by,
  }
}

/** Throws `kill.unknown`. */
export async function requireKill(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  killId: string,
): Promise<KillRow> {
  const row = await selectKills(db, organisationId).where('kill_id', '=', killId).executeTakeFirst()
  if (row === undefined) throw new AirworthyError('kill.unknown', `there is no kill ${killId}`)
  return killOf(row)
}

/** The newest first, before the given one; `isInForce`: only what stops something now. */
export async function listKills(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: {
    readonly isInForce: boolean
    readonly before: string | undefined
    readonly limit: number
  },
): Promise<KillRow[]> {
  let query = selectKills(db, organisationId)
  if (page.isInForce) query = query.where('resumed_at', 'is', null).where('mode', '<>', 'drill')
  if (page.before !== undefined) query = query.where('kill_id', '<', page.before)
  const rows = await query.orderBy('kill_id', 'desc').limit(page.limit).execute()
  return rows.map(killOf)
}

/** Kills of which something is still to be done: judged, logged, cancelled, taken back. */
export async function listUnfinishedKills(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  limit: number,
): Promise<KillRow[]> {
  const rows = await selectKills(db, organisationId)
    .where((or) => or.or([or('finished_at', 'is', null), or('acknowledged_seq', 'is', null)]))
    .orderBy('kill_id')
    .limit(limit)
    .execute()
  return rows.map(killOf)
}

export type GatewayOfKill = GatewayStanding & {
  readonly gatewayId: string
  readonly name: string
  readonly leaseUntil: Date
  readonly confirmedAt: Date | null
  /** Calls and streams that it cut; null where it has not confirmed. */
  readonly cut: number | null
}

/**
 * The gateways that the kill concerns: those that had a lease when it was issued, or confirmed.
 * Whoever got a first lease later has had to apply the kill before it.
 */
export async function listGatewaysOfKill(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  kill: { readonly killId: string; readonly issuedAt: Date },
): Promise<GatewayOfKill[]> {
  const found = await sql<{
    gateway_id: string
    name: string
    confirmed_epoch: string
    lease_until: Date
    is_over: boolean
    confirmed_at: Date | null
    cut: number | null
  }>`SELECT g.gateway_id, g.name, g.confirmed_epoch, g.lease_until,
      g.lease_until <= clock_timestamp() AS is_over, a.confirmed_at, a.cut
    FROM airworthy.gateways g LEFT JOIN airworthy.kill_acks a
      ON a.organisation_id = g.organisation_id AND a.gateway_id = g.gateway_id
      AND a.kill_id = ${kill.killId}
    WHERE g.organisation_id = ${organisationId}
      AND (a.kill_id IS NOT NULL
        OR (g.started_at <= ${kill.issuedAt} AND g.lease_until > ${kill.issuedAt}))
    ORDER BY g.gateway_id LIMIT ${gatewaysShownMax}`.execute(db)
  return found.rows.map((row) => ({
    gatewayId: row.gateway_id,
    name: row.name,
    confirmedEpoch: BigInt(row.confirmed_epoch),
    leaseUntil: row.lease_until,
    isLeaseOver: row.is_over,
    confirmedAt: row.confirmed_at,
    cut: row.cut,
  }))
}

/** Judges whether the kill is in force everywhere; once it is, that stays said. */
export async function acknowledgeKill(
  db: Database,
  organisationId: OrganisationId,
  kill: KillRow,
): Promise<boolean> {
  if (kill.acknowledgedAt !== null) return true
  const found = await sql<{ confirmed_epoch: string; is_over: boolean }>`
    SELECT confirmed_epoch, lease_until <= clock_timestamp() AS is_over
    FROM airworthy.gateways WHERE organisation_id = ${organisationId}
      AND confirmed_epoch < ${kill.epoch} AND lease_until > clock_timestamp()
    LIMIT 1`.execute(db)
  const standings = found.rows.map((row) => ({
    confirmedEpoch: BigInt(row.confirmed_epoch),
    isLeaseOver: row.is_over,
  }))
  if (!isAcknowledged(kill.epoch, standings)) return false
  if ((await listUnfenced(db, organisationId, 1)).length > 0) return false
  await sql`UPDATE airworthy.kills SET acknowledged_at = clock_timestamp()
    WHERE organisation_id = ${organisationId} AND kill_id = ${kill.killId}
      AND acknowledged_at IS NULL`.execute(db)
  return true
}

/**
 * Ends a kill. Call it inside a command. What it cancelled, revoked and took back stays so. Throws
 * `kill.unknown`, or `kill.not_in_force` for a drill and for one that was ended before.
 */
export async function resumeKill(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  resuming: { readonly killId: string; readonly proposedBy: string; readonly confirmedBy: string },
): Promise<void> {
  const { killId, proposedBy, confirmedBy } = resuming
  const kill = await requireInForce(tx, organisationId, killId)
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'kill.resumed',
      agentId: organisationId,
      body: { by: proposedBy, kill: killId, operator: confirmedBy },
    },
  ])
  await tx
    .updateTable('airworthy.kills')
    .set({
      resumed_at: new Date(entry?.atMs ?? 0),
      resume_proposed_by: proposedBy,
      resume_confirmed_by: confirmedBy,
    })
    .where('organisation_id', '=', organisationId)
    .where('kill_id', '=', killId)
    .execute()
  const { kind, id } = kill.scope
  await announce(tx, organisationId, {
    kind: 'kill.resumed',
    subject: killId,
    detail: { mode: kill.mode, scope: kind, target: id },
  })
  // Last: from here on no gateway renews until this is committed.
  await sql`WITH fence AS (UPDATE airworthy.kill_epochs SET epoch = epoch + 1
      WHERE organisation_id = ${organisationId} RETURNING epoch)
    SELECT pg_notify(${killChannel}, epoch::text) FROM fence`.execute(tx)
}

/** Throws `kill.unknown` or `kill.not_in_force`. */
export async function requireInForce(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  killId: string,
): Promise<KillRow> {
  const kill = await requireKill(tx, organisationId, killId)
  if (kill.mode === 'drill') {
    throw new AirworthyError('kill.not_in_force', `kill ${killId} is a drill: it stops nothing`)
  }
  if (kill.resumedAt !== null) {
    throw new AirworthyError('kill.not_in_force', `kill ${killId} was resumed before`)
  }
  return kill
}
