// POST /v1/sessions: fixes agent, version, pact, task, end user and budgets of one task, and makes
// the session key. The agent never names its own session.
import { randomUUIDv7 } from 'node:crypto'
import type { OpenedSession, OpenSession } from '@airworthy/sdk'
import type { Kysely } from 'kysely'
import { z } from 'zod'
import type { BudgetUnit } from '../../core/budget/budget.ts'
import { decimalToUnits } from '../../core/effect/amount.ts'
import { AirworthyError } from '../../core/errors.ts'
import { mayCall } from '../../core/identity/roles.ts'
import { type BudgetLimits, insertLedger } from '../../store/budgets/budgets.ts'
import { makeKey } from '../../store/identity/keys.ts'
import type { Schema } from '../../store/schema/schema.ts'
import { findSession, insertSession } from '../../store/sessions.ts'
import { runCommand } from '../../store/transaction.ts'
import { requireAgent } from '../agents/agent.ts'
import { limitsOf } from '../agents/limits.ts'
import { type Context, defineOperation } from '../operation.ts'
import { loadPact } from '../pacts.ts'
import { agentIdOrName, text } from '../schemas.ts'
import { checkOpening } from './opening.ts'
import { presentSession, sessionSchema } from './session.ts'

const wholeNumber = z.int().min(0)

const body: z.ZodType<OpenSession> = z
  .strictObject({
    agent: agentIdOrName,
    task: text({ max: 500 }).exactOptional().meta({
      description: 'What the session is for: one of the tasks, if the manifest declares any.',
    }),
    scope: z
      .record(z.string().max(64), z.union([text({ max: 200 }), z.int(), z.boolean()]))
      .exactOptional()
      .meta({ description: 'Values of the data scopes that the manifest declares.' }),
    endUser: text({ max: 200 })
      .exactOptional()
      .meta({ description: 'Whom the agent serves: the data subject of its payloads.' }),
    mode: z
      .enum(['enforce', 'observe'])
      .exactOptional()
      .meta({ description: 'observe: decide and record, but deny nothing.' }),
    limits: z
      .strictObject({
        calls: wholeNumber.exactOptional(),
        tokens: wholeNumber.exactOptional(),
        inputTokens: wholeNumber.exactOptional(),
        outputTokens: wholeNumber.exactOptional(),
        moneyUsd: z
          .string()
          .regex(/^\d{1,9}(\.\d{1,9})?$/, { error: 'expected US dollars such as "2.50"' })
          .exactOptional(),
      })
      .exactOptional()
      .meta({ description: "Tighter limits than the pact's; looser ones are refused." }),
    modelBaseUrl: z
      .url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' })
      .max(2_000)
      .exactOptional()
      .meta({ description: "Replaces each model's baseUrl in this session. Operators only." }),
  })
  .meta({ id: 'OpenSession' })

const reply: z.ZodType<OpenedSession> = z
  .object({
    session: sessionSchema,
    sessionKey: z.string().meta({ description: 'Shown once; stored as a hash.' }),
    openaiBaseUrl: z.string(),
    mcpUrls: z.record(z.string(), z.string()),
  })
  .meta({ id: 'OpenedSession' })

export const openSession = defineOperation({
  id: 'open-session',
  method: 'POST',
  path: '/v1/sessions',
  summary: 'Open a session of an agent',
  roles: ['operator', 'launcher'],
  body,
  reply,
  errors: ['agent.unknown', 'task.unknown', 'scope.invalid'],
  run: async (context, { body: request }) => {
    if (request.modelBaseUrl !== undefined && !mayCall(['operator'], context.operator.role)) {
      throw new AirworthyError('auth.forbidden', 'only an operator may replace the model URL')
    }
    // Compiling takes milliseconds the first time: it must not happen under the log's lock.
    const seen = await requireAgent(context.db, context.organisationId, request.agent)
    await loadPact(context.db, context.organisationId, seen.pact.pactId)
    return runCommand(context.db, context.organisationId, (tx) => open(tx, context, request))
  },
})

async function open(
  tx: Kysely<Schema>,
  context: Context,
  request: OpenSession,
): Promise<OpenedSession> {
  const { organisationId } = context
  const agent = await requireAgent(tx, organisationId, request.agent)
  const pact = await loadPact(tx, organisationId, agent.pact.pactId)
  const { task, scope, limits: widest } = checkOpening(pact, request)
  const limits = tighten(limitsOf(widest), request.limits)
  const sessionId = randomUUIDv7()
  const { key, keyHash } = makeKey('session')
  await insertSession(tx, organisationId, {
    sessionId,
    agentId: agent.agentId,
    versionId: agent.version.versionId,
    pactId: agent.pact.pactId,
    keyHash,
    task,
    scope,
    endUser: request.endUser ?? '',
    mode: request.mode ?? 'enforce',
    modelBaseUrl: request.modelBaseUrl ?? null,
    openedBy: context.operator.operatorId,
  })
  await insertLedger(tx, organisationId, { scope: 'session', scopeId: sessionId, limits })
  const session = await findSession(tx, organisationId, sessionId)
  if (session === undefined) throw new Error('a session that was just opened cannot be read')
  const base = `${context.publicUrl()}/s/${key}`
  return {
    session: presentSession(session),
    sessionKey: key,
    openaiBaseUrl: `${base}/v1`,
    mcpUrls: Object.fromEntries(
      [...pact.servers.keys()].map((server) => [server, `${base}/mcp/${server}`]),
    ),
  }
}

/** The pact's limits, lowered as the request says. Throws when it would raise one. */
function tighten(limits: BudgetLimits, wanted: OpenSession['limits']): BudgetLimits {
  const tightened: Partial<Record<BudgetUnit, bigint>> = { ...limits }
  const lower = (field: string, unit: BudgetUnit, value: bigint | undefined): void => {
    if (value === undefined) return
    const limit = limits[unit]
    if (limit !== undefined && value > limit) {
      throw new AirworthyError(
        'request.invalid',
        `body.limits.${field}: the pact allows ${limit} (${unit}); a session can only have less`,
        { detail: { unit, limit: String(limit) } },
      )
    }
    tightened[unit] = value
  }
  const counted = [
    ['calls', 'calls'],
    ['tokens', 'tokens'],
    ['inputTokens', 'input_tokens'],
    ['outputTokens', 'output_tokens'],
  ] as const
  for (const [field, unit] of counted) {
    const value = wanted?.[field]
    lower(field, unit, value === undefined ? undefined : BigInt(value))
  }
  const money = wanted?.moneyUsd
  lower('moneyUsd', 'nano_usd', money === undefined ? undefined : decimalToUnits(money, 9))
  return tightened
}
