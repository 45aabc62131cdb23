// Sessions as the wire shows them.
import type { Session, SessionFacts, SessionFlow } from '@airworthy/sdk'
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
    untrusted: z.boolean(),
    private: z.boolean(),
  })
  .meta({ id: 'SessionFacts' }) satisfies z.ZodType<SessionFacts>

const sessionFlowSchema = z
  .object({ state: z.enum(['open', 'barred']), since: time, writes: z.int() })
  .meta({ id: 'SessionFlow' }) satisfies z.ZodType<SessionFlow>

export const sessionSchema = z
  .object({
    id,
    agent: z.string(),
    agentId: id,
    versionId: id,
    pactId: id,
    task: z.string(),
    endUser: z.string(),
    scope: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    mode: z.enum(['enforce', 'observe']),
    state: z.enum(['open', 'handed_over', 'closed']),
    isDefault: z.boolean(),
    openedAt: time,
    closedAt: time.nullable(),
    facts: sessionFactsSchema,
    flow: sessionFlowSchema.nullable(),
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
    x: z.tuple([z.array(z.string()), z.array(z.string())]).default([[], []]),
  })
  .transform((stored): SessionFacts => ({
    modelCalls: stored.m,
    toolCalls: stored.t,
    writes: stored.w,
    denied: stored.d,
    held: stored.h,
    tokens: stored.k,
    spentNanoUsd: stored.s,
    untrusted: stored.x[0].length > 0,
    private: stored.x[1].length > 0,
  }))

/** As the store's `formatFlow` writes it. */
const storedFlow = z.object({
  f: z
    .tuple([z.enum(['o', 'b']), z.int(), z.int()])
    .transform(([state, sinceMs, writes]): SessionFlow => ({
      state: state === 'o' ? 'open' : 'barred',
      since: new Date(sinceMs).toISOString(),
      writes,
    }))
    .optional(),
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
    scope: row.scope,
    mode: row.mode,
    state: row.state,
    isDefault: row.isDefault,
    openedAt: row.openedAt.toISOString(),
    closedAt: row.closedAt?.toISOString() ?? null,
    facts: storedFacts.parse(row.facts),
    flow: storedFlow.parse(row.facts).f ?? null,
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
