// Sessions as the wire shows them.
import type { Session, SessionFacts } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../../store/database.ts'
import { findSession, type SessionRow } from '../../store/sessions.ts'
import { id, integerText, time } from '../schemas.ts'

const sessionFactsSchema = z
  .object({
    modelCalls: z.int(),
    toolCalls: z.int(),
    writes: z.int(),
    denied: z.int(),
    held: z.int(),
    tokens: z.int(),
    spentNanoUsd: integerText,
  })
  .meta({ id: 'SessionFacts' }) satisfies z.ZodType<SessionFacts>

export const sessionSchema = z
  .object({
    id,
    agent: z.string(),
    agentId: id,
    versionId: id,
    pactId: id,
    task: z.string(),
    endUser: z.string(),
    mode: z.enum(['enforce', 'observe']),
    state: z.enum(['open', 'closed']),
    isDefault: z.boolean(),
    openedAt: time,
    closedAt: time.nullable(),
    facts: sessionFactsSchema,
  })
  .meta({ id: 'Session' }) satisfies z.ZodType<Session>

const count = z.int().min(0).catch(0)

/** The column is `{}` until the gateway records the first call of the session. */
const storedFacts = z
  .object({
    modelCalls: count,
    toolCalls: count,
    writes: count,
    denied: count,
    held: count,
    tokens: count,
    spentNanoUsd: z.union([z.string().regex(/^\d+$/), z.int().min(0).transform(String)]).catch('0'),
  })
  .catch({
    modelCalls: 0,
    toolCalls: 0,
    writes: 0,
    denied: 0,
    held: 0,
    tokens: 0,
    spentNanoUsd: '0',
  })

export function presentSession(row: SessionRow): Session {
  return {
    id: row.sessionId,
    agent: row.agentName,
    agentId: row.agentId,
    versionId: row.versionId,
    pactId: row.pactId,
    task: row.task,
    endUser: row.endUser,
    mode: row.mode,
    state: row.state,
    isDefault: row.isDefault,
    openedAt: row.openedAt.toISOString(),
    closedAt: row.closedAt?.toISOString() ?? null,
    facts: storedFacts.parse(row.facts),
  }
}

/** The session of this id. Throws `request.not_found`. */
export async function requireSession(
  db: Database,
  organisationId: OrganisationId,
  sessionId: string,
): Promise<SessionRow> {
  const session = await findSession(db, organisationId, sessionId)
  if (session === undefined) {
    throw new AirworthyError('request.not_found', `there is no session ${sessionId}`)
  }
  return session
}
