// Sessions that are with a person instead of their agent: who has them, since when, and how it ended.
// Every change is called inside a command; its entry makes every gateway read the session again.
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { EntryType } from '../../core/audit/entry.ts'
import { commitReason, reasonSaltBytes } from '../../core/audit/reason.ts'
import { AirworthyError, type ErrorCode } from '../../core/errors.ts'
import {
  handoverPath,
  type HandoverState,
  isLive,
  refusesActing,
  refusesTaking,
} from '../../core/handover/handover.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { appendEntries } from '../log/log.ts'
import { announce } from '../channels/outbox.ts'
import type { Schema } from '../schema/schema.ts'

export type Handover = {
  readonly handoverId: string
  readonly sessionId: string
  readonly agentId: string
  readonly agentName: string
  readonly versionId: string
  readonly pactId: string
  readonly task: string
  readonly endUser: string
  /** `operator`, or the rule that handed it over. */
  readonly cause: string
  readonly callId: string | undefined
  readonly handedBy: string | undefined
  readonly reason: string
  readonly state: HandoverState
  readonly version: number
  readonly takenBy: string | undefined
  readonly takenByName: string | undefined
  readonly openedAt: Date
  readonly takenAt: Date | undefined
  readonly endedAt: Date | undefined
  readonly endedBy: string | undefined
}

function selectHandovers(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.handovers as v')
    .innerJoin('airworthy.sessions as s', (join) =>
      join
        .onRef('s.organisation_id', '=', 'v.organisation_id')
        .onRef('s.session_id', '=', 'v.session_id'),
    )
    .innerJoin('airworthy.agents as a', (join) =>
      join
        .onRef('a.organisation_id', '=', 'v.organisation_id')
        .onRef('a.agent_id', '=', 'v.agent_id'),
    )
    .leftJoin('airworthy.operators as o', (join) =>
      join
        .onRef('o.organisation_id', '=', 'v.organisation_id')
        .onRef('o.operator_id', '=', 'v.taken_by'),
    )
    .selectAll('v')
    .select(['s.version_id', 's.pact_id', 's.task', 's.end_user', 'a.name as agent_name'])
    .select('o.name as taken_by_name')
    .where('v.organisation_id', '=', organisationId)
}

type Selected = Awaited<ReturnType<ReturnType<typeof selectHandovers>['execute']>>[number]

function handoverOf(row: Selected): Handover {
  return {
    handoverId: row.handover_id,
    sessionId: row.session_id,
    agentId: row.agent_id,
    agentName: row.agent_name,
    versionId: row.version_id,
    pactId: row.pact_id,
    task: row.task,
    endUser: row.end_user,
    cause: row.cause,
    callId: row.call_id ?? undefined,
    handedBy: row.handed_by ?? undefined,
    reason: row.reason,
    state: row.state,
    version: row.version,
    takenBy: row.taken_by ?? undefined,
    takenByName: row.taken_by_name ?? undefined,
    openedAt: row.opened_at,
    takenAt: row.taken_at ?? undefined,
    endedAt: row.ended_at ?? undefined,
    endedBy: row.ended_by ?? undefined,
  }
}

async function findHandover(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  handoverId: string,
): Promise<Handover | undefined> {
  const row = await selectHandovers(db, organisationId)
    .where('v.handover_id', '=', handoverId)
    .executeTakeFirst()
  return row && handoverOf(row)
}

/** The handover of this id. Throws `handover.unknown`. */
export async function requireHandover(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  handoverId: string,
): Promise<Handover> {
  const handover = await findHandover(db, organisationId, handoverId)
  if (handover !== undefined) return handover
  throw new AirworthyError('handover.unknown', `there is no handover ${handoverId}`)
}

/** The newest of a session, which is the live one where there is one. */
export async function findHandoverOfSession(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  sessionId: string,
): Promise<Handover | undefined> {
  const row = await selectHandovers(db, organisationId)
    .where('v.session_id', '=', sessionId)
    .orderBy('v.handover_id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && handoverOf(row)
}

/** In the order of their ids, that is of their opening, after the given one. */
export async function listHandovers(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: {
    readonly states: readonly HandoverState[]
    readonly after: string | undefined
    readonly limit: number
  },
): Promise<Handover[]> {
  let query = selectHandovers(db, organisationId).where('v.state', 'in', page.states)
  if (page.after !== undefined) query = query.where('v.handover_id', '>', page.after)
  const rows = await query.orderBy('v.handover_id').limit(page.limit).execute()
  return rows.map(handoverOf)
}

export type HandedOver = { readonly sessionId: string; readonly handoverId: string }

/** Which of these sessions are with a person now. */
export async function listHandedOver(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  sessionIds: readonly string[],
): Promise<HandedOver[]> {
  if (sessionIds.length === 0) return []
  const rows = await db
    .selectFrom('airworthy.handovers')
    .select(['session_id', 'handover_id'])
    .where('organisation_id', '=', organisationId)
    .where(sql<boolean>`session_id = ANY(${sessionIds}::uuid[])`)
    .where('state', 'in', ['open', 'taken'])
    .execute()
  return rows.map((row) => ({ sessionId: row.session_id, handoverId: row.handover_id }))
}

type HandOver = {
  readonly sessionId: string
  /** `operator`, or the rule that asks for it. */
  readonly cause: string
  readonly callId?: string | undefined
  readonly operatorId?: string | undefined
  /** The operator's words; they stay outside the log. */
  readonly reason?: string | undefined
}

/**
 * Hands a session over to a person; one that is handed over already stays as it is. Its agent places
 * no call from this commit on. Throws `request.not_found` and `session.closed`.
 */
export async function handOver(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  { sessionId, cause, callId, operatorId, reason = '' }: HandOver,
): Promise<Handover> {
  const session = await tx
    .selectFrom('airworthy.sessions')
    .select(['agent_id', 'version_id', 'pact_id', 'state'])
    .where('organisation_id', '=', organisationId)
    .where('session_id', '=', sessionId)
    .executeTakeFirst()
  if (session === undefined) {
    throw new AirworthyError('request.not_found', `there is no session ${sessionId}`)
  }
  if (session.state === 'closed')
    throw new AirworthyError('session.closed', 'the session is closed')
  const live = await findHandoverOfSession(tx, organisationId, sessionId)
  if (live !== undefined && isLive(live.state)) return live
  const handoverId = randomUUIDv7()
  const salt = randomBytes(reasonSaltBytes)
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'session.handed_over',
      agentId: session.agent_id,
      versionId: session.version_id,
      pactId: session.pact_id,
      sessionId,
      callId,
      body: {
        cause,
        handover: handoverId,
        operator: operatorId,
        reason: reason === '' ? undefined : commitReason(salt, reason),
      },
    },
  ])
  await tx
    .insertInto('airworthy.handovers')
    .values({
      organisation_id: organisationId,
      handover_id: handoverId,
      session_id: sessionId,
      agent_id: session.agent_id,
      cause,
      call_id: callId ?? null,
      handed_by: operatorId ?? null,
      reason,
      reason_salt: salt,
      opened_at: new Date(entry?.atMs ?? 0),
    })
    .execute()
  await setSessionState(tx, organisationId, { sessionId, state: 'handed_over' })
  const detail = { agent: session.agent_id, cause, handover: handoverId }
  await announce(tx, organisationId, { kind: 'session.handed_over', subject: sessionId, detail })
  return requireHandover(tx, organisationId, handoverId)
}

async function setSessionState(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  { sessionId, state }: { readonly sessionId: string; readonly state: 'open' | 'handed_over' },
): Promise<void> {
  await tx
    .updateTable('airworthy.sessions')
    .set({ state })
    .where('organisation_id', '=', organisationId)
    .where('session_id', '=', sessionId)
    .where('state', '<>', 'closed')
    .execute()
}

/** Takes a handover; whoever has it already keeps it. Throws `handover.*`. */
export async function takeHandover(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  taking: {
    readonly handoverId: string
    readonly operatorId: string
    readonly fromAnother: boolean
  },
): Promise<Handover> {
  const handover = await requireHandover(tx, organisationId, taking.handoverId)
  const refusal = refusesTaking(handover, taking)
  if (refusal !== undefined) throw refusedTo(refusal, handover)
  if (handover.takenBy === taking.operatorId) return handover
  const { operatorId } = taking
  const before = handover.takenBy
  const atMs = await enter(tx, organisationId, {
    handover,
    type: 'handover.taken',
    body: { before, handover: handover.handoverId, operator: operatorId },
  })
  return change(tx, organisationId, handover, {
    state: 'taken',
    taken_by: operatorId,
    taken_at: new Date(atMs),
  })
}

/** Ends a handover: the agent goes on, or the session is closed too (by the caller). */
export async function endHandover(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  ending: {
    readonly handover: Handover
    readonly operatorId: string
    readonly state: 'returned' | 'closed'
  },
): Promise<Handover> {
  const { handover, operatorId, state } = ending
  const atMs = await enter(tx, organisationId, {
    handover,
    type: `handover.${state}`,
    body: { handover: handover.handoverId, operator: operatorId },
  })
  if (state === 'returned') {
    await setSessionState(tx, organisationId, { sessionId: handover.sessionId, state: 'open' })
  }
  const at = new Date(atMs)
  return change(tx, organisationId, handover, { state, ended_at: at, ended_by: operatorId })
}

/** Ends the handover of a session that is closed, where it has one. */
export async function endWithSession(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  closing: { readonly sessionId: string; readonly operatorId: string },
): Promise<void> {
  const handover = await findHandoverOfSession(tx, organisationId, closing.sessionId)
  if (handover === undefined || !isLive(handover.state)) return
  const { operatorId } = closing
  await endHandover(tx, organisationId, { handover, operatorId, state: 'closed' })
}

/** The handover, for what this operator does in the agent's stead. Throws `handover.*`. */
export async function requireTaken(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  acting: { readonly handoverId: string; readonly operatorId: string },
): Promise<Handover> {
  const handover = await requireHandover(tx, organisationId, acting.handoverId)
  const refusal = refusesActing(handover, acting.operatorId)
  if (refusal !== undefined) throw refusedTo(refusal, handover)
  return handover
}

/** For what an agent asks of its session beside calls. Throws `session.handed_over`. */
export async function refuseIfHandedOver(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  sessionId: string,
): Promise<void> {
  const handover = await findHandoverOfSession(tx, organisationId, sessionId)
  if (handover === undefined || !isLive(handover.state)) return
  throw new AirworthyError('session.handed_over', 'the session is with a person', {
    detail: { handover: { id: handover.handoverId, poll: handoverPath } },
  })
}

/** Writes an entry of the handover in its session's chain; gives the time. */
export async function enter(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  entry: {
    readonly handover: Handover
    readonly type: EntryType
    readonly body: Readonly<Record<string, string | number | undefined>>
  },
): Promise<number> {
  const { agentId, versionId, pactId, sessionId } = entry.handover
  const { type, body } = entry
  const draft = { type, agentId, versionId, pactId, sessionId, body }
  const [written] = await appendEntries(tx, organisationId, [draft])
  return written?.atMs ?? 0
}

/** Changes the row; whoever waits for a change hears of it. */
export async function change(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  handover: Handover,
  changed: {
    readonly state?: HandoverState
    readonly taken_by?: string
    readonly taken_at?: Date
    readonly ended_at?: Date
    readonly ended_by?: string
  },
): Promise<Handover> {
  const { handoverId } = handover
  await tx
    .updateTable('airworthy.handovers')
    .set({ ...changed, version: handover.version + 1 })
    .where('organisation_id', '=', organisationId)
    .where('handover_id', '=', handoverId)
    .execute()
  return requireHandover(tx, organisationId, handoverId)
}

function refusedTo(code: ErrorCode, handover: Handover): AirworthyError {
  const { state, takenByName } = handover
  const messages: Partial<Record<ErrorCode, string>> = {
    'handover.settled': `the handover is ${state}`,
    'handover.taken': `${takenByName ?? 'another operator'} has taken the handover`,
  }
  const message = messages[code] ?? 'take the handover before you act in it'
  return new AirworthyError(code, message)
}
