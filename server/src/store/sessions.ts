// Sessions: one task of an agent, opened by an operator or a launcher.
import { hash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { OrganisationId } from '../core/ids.ts'
import type { FlowFacts, ScopeValue } from '../core/decision/facts.ts'
import { endWithSession } from './handover/handovers.ts'
import { appendEntries } from './log/log.ts'
import type { Schema } from './schema/schema.ts'
import { formatFlow, parseScope } from './session-scope.ts'

export type SessionState = 'open' | 'handed_over' | 'closed'

export type SessionRow = {
  readonly sessionId: string
  readonly agentName: string
  readonly agentId: string
  readonly versionId: string
  readonly pactId: string
  readonly task: string
  readonly endUser: string
  readonly mode: 'enforce' | 'observe'
  /** `handed_over`: a person has it instead of the agent. */
  readonly state: SessionState
  readonly isDefault: boolean
  readonly openedAt: Date
  readonly closedAt: Date | null
  /** As the gateway wrote them. */
  readonly facts: unknown
  readonly scope: Readonly<Record<string, ScopeValue>>
}

function selectSessions(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.sessions as s')
    .innerJoin('airworthy.agents as a', (join) =>
      join
        .onRef('a.organisation_id', '=', 's.organisation_id')
        .onRef('a.agent_id', '=', 's.agent_id'),
    )
    .leftJoin('airworthy.ledgers as l', (join) =>
      join
        .onRef('l.organisation_id', '=', 's.organisation_id')
        .onRef('l.scope_id', '=', 's.session_id'),
    )
    .select([
      's.session_id',
      'a.name',
      's.agent_id',
      's.version_id',
      's.pact_id',
      's.api_key_id',
      's.task',
      's.end_user',
      's.mode',
      's.state',
      's.opened_at',
      's.closed_at',
      's.scope',
      'l.facts',
    ])
    .where('s.organisation_id', '=', organisationId)
}

type SelectedSession = Awaited<ReturnType<ReturnType<typeof selectSessions>['execute']>>[number]

function sessionOf(row: SelectedSession): SessionRow {
  return {
    sessionId: row.session_id,
    agentName: row.name,
    agentId: row.agent_id,
    versionId: row.version_id,
    pactId: row.pact_id,
    task: row.task,
    endUser: row.end_user,
    mode: row.mode,
    state: row.state,
    isDefault: row.api_key_id !== null,
    openedAt: row.opened_at,
    closedAt: row.closed_at,
    facts: row.facts ?? {},
    scope: parseScope(row.scope),
  }
}

export async function findSession(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  sessionId: string,
): Promise<SessionRow | undefined> {
  const row = await selectSessions(db, organisationId)
    .where('s.session_id', '=', sessionId)
    .executeTakeFirst()
  return row === undefined ? undefined : sessionOf(row)
}

/** Sessions in the order of their ids, that is of their opening, after the given one. */
export async function listSessions(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: {
    readonly agentId?: string | undefined
    readonly state?: SessionState | undefined
    readonly after?: string | undefined
    readonly limit: number
  },
): Promise<SessionRow[]> {
  let query = selectSessions(db, organisationId)
  if (page.agentId !== undefined) query = query.where('s.agent_id', '=', page.agentId)
  if (page.state !== undefined) query = query.where('s.state', '=', page.state)
  if (page.after !== undefined) query = query.where('s.session_id', '>', page.after)
  const rows = await query.orderBy('s.session_id').limit(page.limit).execute()
  return rows.map(sessionOf)
}

export type NewSession = {
  readonly sessionId: string
  readonly agentId: string
  readonly versionId: string
  readonly pactId: string
  readonly keyHash: Buffer
  readonly task: string
  readonly endUser: string
  readonly mode: 'enforce' | 'observe'
  readonly scope: Readonly<Record<string, ScopeValue>>
  readonly modelBaseUrl: string | null
  readonly openedBy: string
}

/** Writes a session that opens, and its entry. Call it inside a command. */
export async function insertSession(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  session: NewSession,
): Promise<void> {
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'session.opened',
      agentId: session.agentId,
      versionId: session.versionId,
      pactId: session.pactId,
      sessionId: session.sessionId,
      // Task, end user and scope are a person's words or name: they stay outside the log.
      body: { mode: session.mode, operator: session.openedBy },
    },
  ])
  await tx
    .insertInto('airworthy.sessions')
    .values({
      organisation_id: organisationId,
      session_id: session.sessionId,
      agent_id: session.agentId,
      version_id: session.versionId,
      pact_id: session.pactId,
      key_hash: session.keyHash,
      task: session.task,
      end_user: session.endUser,
      mode: session.mode,
      scope: JSON.stringify(session.scope),
      model_base_url: session.modelBaseUrl,
      opened_by: session.openedBy,
      opened_at: new Date(entry?.atMs ?? 0),
    })
    .execute()
}

/** Closes a session, with its handover, and writes its entries. Call it inside a command. */
export async function closeSession(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  change: { readonly session: SessionRow; readonly operatorId: string },
): Promise<void> {
  const { session, operatorId } = change
  await endWithSession(tx, organisationId, { sessionId: session.sessionId, operatorId })
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'session.closed',
      agentId: session.agentId,
      versionId: session.versionId,
      pactId: session.pactId,
      sessionId: session.sessionId,
      body: { operator: change.operatorId },
    },
  ])
  await tx
    .updateTable('airworthy.sessions')
    .set({ state: 'closed', closed_at: new Date(entry?.atMs ?? 0) })
    .where('organisation_id', '=', organisationId)
    .where('session_id', '=', session.sessionId)
    .execute()
}

/**
 * Opens or closes the write flow of an open session, and writes its entry. Call it inside a
 * command. What a gateway has cached of the session ends with the entry.
 */
export async function setFlow(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  change: {
    readonly session: SessionRow
    readonly operatorId: string
    readonly flow: 'read' | 'write'
    readonly reason: string
  },
): Promise<void> {
  const { session } = change
  const isOpening = change.flow === 'write'
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: isOpening ? 'flow.opened' : 'flow.closed',
      agentId: session.agentId,
      versionId: session.versionId,
      pactId: session.pactId,
      sessionId: session.sessionId,
      body: { operator: change.operatorId, reason: hash('sha256', change.reason, 'base64url') },
    },
  ])
  const flow: FlowFacts = {
    state: isOpening ? 'open' : 'barred',
    sinceMs: entry?.atMs ?? 0,
    writes: 0,
  }
  await sql`UPDATE airworthy.ledgers
    SET facts = (facts::jsonb || ${JSON.stringify({ f: formatFlow(flow) })}::jsonb)::json
    WHERE organisation_id = ${organisationId} AND scope_id = ${session.sessionId}`.execute(tx)
}
