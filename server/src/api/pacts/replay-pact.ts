// POST /v1/pacts/replay: a page of past sessions, decided again under a manifest that is not
// enrolled. Nothing is stored.
import { createHash } from 'node:crypto'
import type { ReplayDifference, ReplayedPage, ReplayedSession, ReplayPact } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { listPastSessions, type PastSessionFilter } from '../../store/calls/past-sessions.ts'
import { requireAgent } from '../agents/agent.ts'
import { refuseManifest } from '../agents/manifest-problems.ts'
import { verdictSchema } from '../calls/call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { defineOperation } from '../operation.ts'
import { amount, id, integerText, nextOf, time } from '../schemas.ts'
import { compileArguments } from './arguments-check.ts'
import { compileCandidate } from './candidate.ts'
import { manifestSource } from './manifest-source.ts'
import { type ReplayCandidate, replaySession } from './replay-session.ts'

const idsMax = 1_000
const lastMax = 100_000
const pageDefault = 20
const pageMax = 100
/** After this many calls a page ends, so that no request takes for ever. */
const callsPerPageMax = 5_000
const candidatesMax = 4
const candidateForMs = 600_000

const body: z.ZodType<ReplayPact> = z
  .strictObject({
    ...manifestSource,
    sessions: z.array(id).min(1).max(idsMax).exactOptional(),
    since: z.iso.datetime({ offset: true }).exactOptional(),
    last: z.int().min(1).max(lastMax).exactOptional(),
    recorded: z.boolean().exactOptional(),
    after: id.exactOptional(),
    limit: z.int().min(1).max(pageMax).exactOptional(),
  })
  .meta({ id: 'ReplayPact' })

const differenceSchema = z
  .object({
    call: id,
    kind: z.enum(['model', 'tool']),
    action: z.string(),
    at: time,
    before: verdictSchema,
    after: verdictSchema,
    code: z.string().nullable(),
    rules: z.array(z.string()),
    amount: amount.nullable(),
    costNanoUsd: integerText.nullable(),
    isFirst: z.boolean(),
  })
  .meta({ id: 'ReplayDifference' }) satisfies z.ZodType<ReplayDifference>

const sessionSchema = z
  .object({
    id,
    openedAt: time,
    calls: z.int(),
    compared: z.int(),
    skipped: z.object({
      repeats: z.int(),
      refused: z.int(),
      forgotten: z.int(),
      unknown: z.int(),
    }),
    unlike: z.int(),
    isCut: z.boolean(),
    differences: z.array(differenceSchema),
  })
  .meta({ id: 'ReplayedSession' }) satisfies z.ZodType<ReplayedSession>

const reply: z.ZodType<ReplayedPage> = z
  .object({ sessions: z.array(sessionSchema), total: z.int(), next: id.nullable() })
  .meta({ id: 'ReplayedPage' })

export const replayPact = defineOperation({
  id: 'replay-pact',
  method: 'POST',
  path: '/v1/pacts/replay',
  summary: 'Show what a changed pact would have decided on past sessions',
  roles: ['operator'],
  body,
  reply,
  errors: [
    'manifest.invalid',
    'manifest.tool_server_unreachable',
    'agent.unknown',
    'request.not_found',
  ],
  run: async (context, { body: request }) => {
    const { db, organisationId } = context
    const candidate = await findCandidate(context, request)
    const agent = await requireAgent(db, organisationId, candidate.pact.agent.name)
    const limit = request.limit ?? pageDefault
    const page = await listPastSessions(db, organisationId, {
      filter: filterOf(request, agent.agentId),
      after: request.after,
      limit,
    })
    const missing = (request.sessions?.length ?? 0) - page.total
    if (request.sessions !== undefined && missing > 0) {
      throw new AirworthyError(
        'request.not_found',
        `${missing} of the sessions are none of ${agent.name}, or were named twice`,
      )
    }
    const sessions: ReplayedSession[] = []
    let calls = 0
    for (const session of page.sessions) {
      const replayed = await replaySession(context, session, candidate)
      sessions.push(replayed)
      calls += replayed.calls
      if (calls >= callsPerPageMax) break
    }
    const ids = sessions.map((session) => session.id)
    const isWhole = ids.length === page.sessions.length
    const next = isWhole ? nextOf(ids, limit) : (ids.at(-1) ?? null)
    return { sessions, total: page.total, next }
  },
})

function filterOf(request: ReplayPact, agentId: string): PastSessionFilter {
  const { sessions, since, last, recorded } = request
  return { agentId, ids: sessions, since, last, isRecorded: recorded }
}

type Kept = { readonly candidate: ReplayCandidate; readonly atMs: number }
const kept = new Map<string, Kept>()

/** A replay asks page after page with one manifest: its tool servers are asked once. */
async function findCandidate(
  context: Pick<ApiDependencies, 'tools' | 'prices'>,
  source: ReplayPact,
): Promise<ReplayCandidate> {
  const { manifest, file } = source
  const key = createHash('sha256').update(manifest).digest('hex')
  const known = kept.get(key)
  if (known !== undefined && Date.now() - known.atMs < candidateForMs) return known.candidate
  const compiled = await compileCandidate(context, { manifest, file })
  if (compiled.kind === 'invalid') throw refuseManifest(compiled.problems)
  const { pact, listed } = compiled
  const check = compileArguments(pact, listed, new Set(pact.tools.keys()))
  const candidate = { pact, check }
  if (kept.size >= candidatesMax) kept.clear()
  kept.set(key, { candidate, atMs: Date.now() })
  return candidate
}
