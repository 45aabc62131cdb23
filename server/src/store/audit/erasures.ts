// Erasure of a data subject: its keys are destroyed at once, in one transaction with the entry
// that says so; the bytes that nobody can open any more are deleted page by page afterwards.
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { commitReason, reasonSaltBytes } from '../../core/audit/reason.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { erasedName } from '../../core/privacy/erased-name.ts'
import type { Database } from '../database.ts'
import { forgetUserOfPolicies } from '../budgets/budget-policies.ts'
import { activeLegalHolds } from './legal-holds.ts'
import { appendEntries } from '../log/log.ts'
import { dropEntriesOf } from '../models/model-cache.ts'
import type { Schema } from '../schema/schema.ts'
import { closeSession, findSession } from '../sessions.ts'
import { runCommand } from '../transaction.ts'

export type ErasureRow = {
  readonly erasureId: string
  /** The keyed hash of the subject's name: as much as is left of it. */
  readonly subjectId: string
  readonly state: 'requested' | 'done'
  readonly keys: number
  readonly sessions: number
  readonly payloads: string
  readonly reason: string
  readonly logId: string
  readonly requestedSeq: string
  readonly doneLogId: string | null
  readonly doneSeq: string | null
  readonly requestedAt: Date
  readonly doneAt: Date | null
}

export type ErasureRequest = {
  /** As sessions name the subject. */
  readonly subject: string
  readonly subjectIds: readonly [Buffer, ...Buffer[]]
  readonly operatorId: string
  readonly reason: string
  readonly closeSessions: boolean
}

const sessionsNamedMax = 20

/**
 * Destroys the keys of a subject, and what sessions say of it. Throws `erasure.legal_hold`, or
 * `erasure.in_use` while its sessions, holds or calls are open.
 */
export async function requestErasure(
  db: Database,
  organisationId: OrganisationId,
  request: ErasureRequest,
): Promise<string> {
  // Read before the lock, which every call waits for; under it only what changed meanwhile counts.
  const holds = await refuseOnLegalHold(db, organisationId, request)
  return runCommand(db, organisationId, async (tx) => {
    for (const hold of await activeLegalHolds(tx, organisationId)) {
      if (!holds.has(hold.legalHoldId)) throw legalHold([hold.legalHoldId])
    }
    const sessionIds = await sessionsOf(tx, organisationId, request.subject)
    await endSessions(tx, organisationId, { request, sessionIds })
    await refuseOpenHolds(tx, organisationId, request)
    await refuseOpenCalls(tx, organisationId, request)
    return destroy(tx, organisationId, { request, sessionIds })
  })
}

async function sessionsOf(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  subject: string,
): Promise<string[]> {
  // Who is served by no named person has no subject of its own to erase.
  if (subject === '') throw new AirworthyError('request.invalid', 'body.subject: it is empty')
  const rows = await tx
    .selectFrom('airworthy.sessions')
    .select('session_id')
    .where('organisation_id', '=', organisationId)
    .where('end_user', '=', subject)
    .execute()
  return rows.map((row) => row.session_id)
}

type Found = { readonly request: ErasureRequest; readonly sessionIds: readonly string[] }

/** Gives the holds in force that do not bind the subject. Throws `erasure.legal_hold` where one does. */
async function refuseOnLegalHold(
  db: Database,
  organisationId: OrganisationId,
  request: ErasureRequest,
): Promise<ReadonlySet<string>> {
  const holds = await activeLegalHolds(db, organisationId)
  const agents = new Set(holds.flatMap((hold) => hold.agentId ?? []))
  const bound = holds.filter(
    (hold) =>
      hold.scope === 'everything' ||
      (hold.subjectId !== null && request.subjectIds.some((id) => id.equals(hold.subjectId ?? id))),
  )
  // A subject may have payloads with any agent, in sessions of others too: a hold of one agent is
  // kept by refusing whoever that agent ever served.
  if (agents.size > 0 && (await isServedBy(db, organisationId, { agents, request }))) {
    bound.push(...holds.filter((hold) => hold.scope === 'agent'))
  }
  if (bound.length > 0) throw legalHold(bound.map((hold) => hold.legalHoldId))
  return new Set(holds.map((hold) => hold.legalHoldId))
}

function legalHold(legalHolds: readonly string[]): AirworthyError {
  const message = 'a legal hold keeps the records of this subject'
  return new AirworthyError('erasure.legal_hold', message, { detail: { legalHolds } })
}

/** Reads payloads of the held agents until it finds one of the subject: rare, and fails closed. */
async function isServedBy(
  db: Database,
  organisationId: OrganisationId,
  known: { readonly agents: ReadonlySet<string>; readonly request: ErasureRequest },
): Promise<boolean> {
  const ids = known.request.subjectIds
  const found = await sql`SELECT 1 FROM airworthy.call_intents c
    JOIN airworthy.payloads p USING (organisation_id, call_id)
    WHERE c.organisation_id = ${organisationId} AND c.agent_id = ANY(${[...known.agents]}::uuid[])
      AND p.subject_id = ANY(${ids}::bytea[]) LIMIT 1`.execute(db)
  return found.rows.length > 0
}

/** Open sessions are closed when that was asked for; else they are named in the refusal. */
async function endSessions(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  { request, sessionIds }: Found,
): Promise<void> {
  if (sessionIds.length === 0) return
  const open = await tx
    .selectFrom('airworthy.sessions')
    .select('session_id')
    .where('organisation_id', '=', organisationId)
    .where('session_id', 'in', sessionIds)
    .where('state', '<>', 'closed')
    .execute()
  if (open.length > 0 && !request.closeSessions) {
    throw new AirworthyError('erasure.in_use', 'sessions of this subject are open: close them', {
      detail: { sessions: open.slice(0, sessionsNamedMax).map((row) => row.session_id) },
    })
  }
  for (const { session_id } of open) {
    const session = await findSession(tx, organisationId, session_id)
    if (session === undefined) continue
    await closeSession(tx, organisationId, { session, operatorId: request.operatorId })
  }
}

/** What a call under way brings back would be sealed under a key of after the erasure, and stay. */
async function refuseOpenCalls(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  request: ErasureRequest,
): Promise<void> {
  const found = await sql<{ call_id: string }>`SELECT DISTINCT i.call_id FROM airworthy.replicas r
    JOIN airworthy.call_intents i ON i.organisation_id = r.organisation_id
      AND i.replica_id = r.replica_id AND i.call_id >= r.open_floor
    JOIN airworthy.payloads p ON p.organisation_id = i.organisation_id AND p.call_id = i.call_id
    WHERE r.organisation_id = ${organisationId} AND r.ended_at IS NULL AND i.state = 'executing'
      AND p.subject_id = ANY(${request.subjectIds}::bytea[])
      AND NOT EXISTS (SELECT 1 FROM airworthy.call_outcomes o
        WHERE o.organisation_id = i.organisation_id AND o.call_id = i.call_id)
    LIMIT ${sessionsNamedMax}`.execute(tx)
  if (found.rows.length === 0) return
  throw new AirworthyError('erasure.in_use', 'calls about this subject are under way', {
    detail: { calls: found.rows.map((row) => row.call_id) },
  })
}

/** A call that waits still needs its arguments. */
async function refuseOpenHolds(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  request: ErasureRequest,
): Promise<void> {
  const found = await sql<{ hold_id: string }>`SELECT h.hold_id FROM airworthy.holds h
    JOIN airworthy.payloads p USING (organisation_id, call_id)
    WHERE h.organisation_id = ${organisationId} AND h.state IN ('pending', 'approving', 'deferred')
      AND p.subject_id = ANY(${request.subjectIds}::bytea[])
    LIMIT ${sessionsNamedMax}`.execute(tx)
  if (found.rows.length === 0) return
  throw new AirworthyError('erasure.in_use', 'calls about this subject are held: decide them', {
    detail: { holds: found.rows.map((row) => row.hold_id) },
  })
}

async function destroy(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  { request, sessionIds }: Found,
): Promise<string> {
  const erasureId = randomUUIDv7()
  const salt = randomBytes(reasonSaltBytes)
  const { subjectIds, operatorId, reason } = request
  const destroyed = await sql`UPDATE airworthy.subject_keys
    SET wrapped_key = '', destroyed_at = clock_timestamp()
    WHERE organisation_id = ${organisationId} AND subject_id = ANY(${subjectIds}::bytea[])
      AND destroyed_at IS NULL`.execute(tx)
  const keys = Number(destroyed.numAffectedRows ?? 0)
  await dropEntriesOf(tx, organisationId, subjectIds)
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'erasure.requested',
      agentId: organisationId,
      body: {
        erasure: erasureId,
        keys,
        operator: operatorId,
        reason: commitReason(salt, reason),
        sessions: sessionIds.length,
        subject: subjectIds[0].toString('base64url'),
      },
    },
  ])
  if (entry === undefined) throw new Error('an erasure got no entry')
  await tx
    .insertInto('airworthy.erasures')
    .values({
      organisation_id: organisationId,
      erasure_id: erasureId,
      subject_ids: [...subjectIds],
      state: 'requested',
      operator_id: operatorId,
      reason,
      reason_salt: salt,
      keys,
      sessions: sessionIds.length,
      requested_at: new Date(entry.atMs),
      log_id: entry.logId,
      requested_seq: entry.seq,
    })
    .execute()
  await forgetSessions(tx, organisationId, { erasureId, sessionIds })
  const name = erasedName(erasureId)
  await forgetUserOfPolicies(tx, organisationId, { user: request.subject, name })
  return erasureId
}

async function forgetSessions(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  forgotten: { readonly erasureId: string; readonly sessionIds: readonly string[] },
): Promise<void> {
  const { sessionIds } = forgotten
  if (sessionIds.length === 0) return
  await tx
    .updateTable('airworthy.sessions')
    .set({ end_user: erasedName(forgotten.erasureId), task: '', scope: '{}' })
    .where('organisation_id', '=', organisationId)
    .where('session_id', 'in', sessionIds)
    .execute()
  await tx
    .deleteFrom('airworthy.value_origins')
    .where('organisation_id', '=', organisationId)
    .where('session_id', 'in', sessionIds)
    .execute()
}

function selectErasures(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.erasures')
    .selectAll()
    .where('organisation_id', '=', organisationId)
}

type Selected = Awaited<ReturnType<ReturnType<typeof selectErasures>['execute']>>[number]

function erasureOf(row: Selected): ErasureRow {
  return {
    erasureId: row.erasure_id,
    subjectId: row.subject_ids[0]?.toString('base64url') ?? '',
    state: row.state,
    keys: row.keys,
    sessions: row.sessions,
    payloads: row.payloads,
    reason: row.reason,
    logId: row.log_id,
    requestedSeq: row.requested_seq,
    doneLogId: row.done_log_id,
    doneSeq: row.done_seq,
    requestedAt: row.requested_at,
    doneAt: row.done_at,
  }
}

export async function findErasure(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  erasureId: string,
): Promise<ErasureRow | undefined> {
  const row = await selectErasures(db, organisationId)
    .where('erasure_id', '=', erasureId)
    .executeTakeFirst()
  return row === undefined ? undefined : erasureOf(row)
}

/** Erasures in the order of their requests. */
export async function listErasures(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: { readonly after: string | undefined; readonly limit: number },
): Promise<ErasureRow[]> {
  let query = selectErasures(db, organisationId)
  if (page.after !== undefined) query = query.where('erasure_id', '>', page.after)
  const rows = await query.orderBy('erasure_id').limit(page.limit).execute()
  return rows.map(erasureOf)
}
