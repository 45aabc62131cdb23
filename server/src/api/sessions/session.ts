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

const count = z.int().min(0).default(0)

/** Written short by the recorder; `{}` until the first call of the session. */
const storedFacts = z
  .object({
    m: count,
    t: count,
    w: count,
    d: count,
    h: count,
    k: count,
    s: z.string().regex(/^\d+$/).default('0'),
  })
  .transform((stored): SessionFacts => ({
    modelCalls: stored.m,
    toolCalls: stored.t,
    writes: stored.w,
    denied: stored.d,
    held: stored.h,
    tokens: stored.k,
    spentNanoUsd: stored.s,
  }))

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
