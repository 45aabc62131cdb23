// POST /v1/kills
import { setTimeout as sleep } from 'node:timers/promises'
import type { IssueKill } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { killModes, type KillScope, killScopeKinds, killToolPattern } from '../../core/kill/kill.ts'
import { acknowledgeWaitMsMax } from '../../core/kill/lease.ts'
import { finishKill } from '../../store/kills/finish-kill.ts'
import { findVersionId } from '../../store/kills/kill-targets.ts'
import { acknowledgeKill, issueKill as writeKill } from '../../store/kills/kills.ts'
import { requireAgent } from '../agents/agent.ts'
import { type Context, defineOperation } from '../operation.ts'
import { id, text } from '../schemas.ts'
import { requireSession } from '../sessions/session.ts'
import { killDetailSchema, readKillDetail } from './kill.ts'

/** How often it is looked whether all have confirmed: they do within milliseconds. */
const askEveryMsMin = 5
const askEveryMsMax = 100
/** Holds are cancelled and the log is written by then, or a job goes on with it. */
const finishWaitMs = 500

const body: z.ZodType<IssueKill> = z
  .strictObject({
    scope: z.enum(killScopeKinds),
    target: text({ min: 1, max: 260 }).exactOptional().meta({
      description:
        'An agent by id or name; a version by id or as agent:number; a tool as server/tool or server/*; a session by id.',
    }),
    mode: z.enum(killModes).exactOptional().meta({
      description: 'freeze (the default), unwind: open runs are taken back, or drill.',
    }),
    reason: text({ min: 1, max: 500 }),
    revokeKeys: z.boolean().exactOptional(),
    waitMs: z.int().min(0).max(acknowledgeWaitMsMax).exactOptional(),
  })
  .meta({ id: 'IssueKill' })

export const issueKill = defineOperation({
  id: 'issue-kill',
  method: 'POST',
  path: '/v1/kills',
  summary: 'Stop an agent, a version, a tool, a session or everything, on all gateways',
  roles: ['operator', 'approver'],
  body,
  reply: killDetailSchema,
  errors: ['agent.unknown', 'request.not_found'],
  run: async (context, { body: request }) => {
    const { db, organisationId, operator, runs } = context
    const mode = request.mode ?? 'freeze'
    const scope = await scopeOf(context, request)
    const revokesKeys = request.revokeKeys ?? false
    if (revokesKeys && (mode === 'drill' || scope.kind === 'tool' || scope.kind === 'session')) {
      const message = 'body.revokeKeys: only where agents are stopped: agent, version, organisation'
      throw new AirworthyError('request.invalid', message)
    }
    const by = { operatorId: operator.operatorId }
    const { reason } = request
    const kill = await writeKill(db, organisationId, { scope, mode, reason, by, revokesKeys })
    const deadline = performance.now() + (request.waitMs ?? acknowledgeWaitMsMax)
    for (let everyMs = askEveryMsMin; ; everyMs = Math.min(everyMs * 1.5, askEveryMsMax)) {
      if (await acknowledgeKill(db, organisationId, kill)) break
      if (performance.now() >= deadline) break
      await sleep(everyMs)
    }
    await finishSoon(context, kill.killId)
    runs.wake()
    return readKillDetail(db, organisationId, kill.killId)
  },
})

/** What is stopped stays stopped while this waits; a job goes on with what is left. */
async function finishSoon(
  { db, organisationId, log }: Pick<Context, 'db' | 'organisationId' | 'log'>,
  killId: string,
): Promise<void> {
  const finishing = finishKill(db, organisationId, killId).catch((error: unknown) => {
    log('a kill is in force, and not finished yet', { kill: killId, error: String(error) })
  })
  const giveUp = new AbortController()
  const late = sleep(finishWaitMs, undefined, { signal: giveUp.signal }).catch(() => undefined)
  await Promise.race([finishing, late])
  giveUp.abort()
}

/** Throws `request.invalid`, `agent.unknown` or `request.not_found`. */
async function scopeOf(
  { db, organisationId }: Pick<Context, 'db' | 'organisationId'>,
  { scope: kind, target }: IssueKill,
): Promise<KillScope> {
  if (kind === 'organisation') {
    if (target === undefined) return { kind, id: organisationId }
    throw new AirworthyError('request.invalid', 'body.target: there is only one organisation')
  }
  if (target === undefined)
    throw new AirworthyError('request.invalid', `body.target: which ${kind}`)
  switch (kind) {
    case 'agent':
      return { kind, id: (await requireAgent(db, organisationId, target)).agentId }
    case 'version':
      return { kind, id: await versionOf({ db, organisationId }, target) }
    case 'session': {
      if (!id.safeParse(target).success) {
        throw new AirworthyError('request.invalid', 'body.target: a session is named by its id')
      }
      return { kind, id: (await requireSession(db, organisationId, target)).sessionId }
    }
    case 'tool':
    default:
      if (killToolPattern.test(target)) return { kind, id: target }
      throw new AirworthyError('request.invalid', 'body.target: name it server/tool or server/*')
  }
}

/** `support-bot:3`, or as budgets name it, `support-bot v3`. */
const numberedVersion = /^(.+)(?::| v)(\d{1,9})$/

async function versionOf(
  { db, organisationId }: Pick<Context, 'db' | 'organisationId'>,
  target: string,
): Promise<string> {
  const [, agent, number] = numberedVersion.exec(target) ?? []
  const named =
    agent === undefined
      ? { versionId: target }
      : {
          agentId: (await requireAgent(db, organisationId, agent)).agentId,
          number: Number(number),
        }
  const found = await findVersionId(db, organisationId, named)
  if (found !== undefined) return found
  const message = `there is no version ${target}: name it by its id, or as agent:number`
  throw new AirworthyError('request.not_found', message)
}
