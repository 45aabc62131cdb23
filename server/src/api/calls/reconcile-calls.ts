// POST /v1/calls/reconcile
import type { ReconcileCalls, ReconciledCall, Reconciliation } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import {
  listLostLeases,
  type LostLease,
  settleLostLeases,
} from '../../store/budgets/lost-leases.ts'
import {
  listUnknownCalls,
  reconcileCalls as settleCalls,
  type ReconcileAs,
  type Reconciliation as StoredReconciliation,
  timeBefore,
  type UnknownCall,
  usedBy,
  type WhichCalls,
} from '../../store/calls/reconcile-calls.ts'
import { requireAgent } from '../agents/agent.ts'
import { type Context, defineOperation } from '../operation.ts'
import { agentIdOrName, id, text } from '../schemas.ts'
import { requireCall } from './call.ts'
import { priceReported } from './price-reported.ts'
import { presentAmounts, presentLease, reconciliationSchema } from './reconciliation.ts'

const callsMax = 1_000
const leasesMax = 1_000
const ageSecondsMax = 366 * 24 * 3600
/** The recorder waits for a database that is gone; an operator is told. */
const settleTimeoutMs = 60_000

const tokens = z.int().min(0)

const body: z.ZodType<ReconcileCalls> = z
  .strictObject({
    reason: text({ min: 1, max: 500 }).meta({ description: 'How it was found out.' }),
    dryRun: z.boolean().exactOptional(),
    call: id.exactOptional(),
    usage: z
      .strictObject({
        promptTokens: tokens,
        cachedTokens: tokens.exactOptional(),
        completionTokens: tokens,
      })
      .refine(({ promptTokens, cachedTokens = 0 }) => cachedTokens <= promptTokens, {
        error: 'cachedTokens are a part of promptTokens',
      })
      .exactOptional(),
    costUsd: z
      .string()
      .regex(/^(0|[1-9]\d{0,8})(\.\d{1,9})?$/, { error: 'expected US dollars such as "0.0125"' })
      .exactOptional(),
    as: z.enum(['estimate', 'worst', 'zero']).exactOptional(),
    olderThanSeconds: z.int().min(0).max(ageSecondsMax).exactOptional(),
    agent: agentIdOrName.exactOptional(),
    limit: z.int().min(1).max(callsMax).exactOptional(),
  })
  .meta({ id: 'ReconcileCalls' })

export const reconcileCalls = defineOperation({
  id: 'reconcile-calls',
  method: 'POST',
  path: '/v1/calls/reconcile',
  summary: 'Settle model calls, and lost leases, whose use nobody knows',
  roles: ['operator'],
  body,
  reply: reconciliationSchema,
  errors: ['agent.unknown', 'call.unknown', 'model.price_unknown', 'log.unavailable'],
  run: async (context, { body: request }) => {
    const { call, olderThanSeconds } = request
    if (call === undefined && olderThanSeconds !== undefined) {
      return reconcileMany(context, { ...request, olderThanSeconds })
    }
    if (call !== undefined && olderThanSeconds === undefined) {
      return reconcileOne(context, { ...request, call })
    }
    throw new AirworthyError('request.invalid', 'body: give either call, or olderThanSeconds')
  },
})

async function reconcileOne(
  context: Context,
  request: ReconcileCalls & { readonly call: string },
): Promise<Reconciliation> {
  const { db, organisationId } = context
  const { call: callId, usage, costUsd, as, agent, limit, dryRun = false } = request
  if (agent !== undefined || limit !== undefined) {
    throw new AirworthyError('request.invalid', 'body: agent and limit are for calls in bulk')
  }
  const isReported = usage !== undefined && as === undefined
  const isGuessed = usage === undefined && as !== undefined && costUsd === undefined
  if (!isReported && !isGuessed) {
    throw new AirworthyError('request.invalid', 'body: give either usage (and costUsd), or as')
  }
  const [found] = await listUnknownCalls(db, organisationId, { callId })
  if (found === undefined) return refuseKnown(context, callId)
  const how = usage === undefined ? as : await priceReported(context, found, { usage, costUsd })
  if (how === undefined) throw new Error('a call is reconciled with nothing')
  const calls = await settleOrShow(context, [found], { as: how, reason: request.reason, dryRun })
  return { dryRun, calls, leases: [], more: false }
}

/** Says why the call cannot be reconciled. Throws `call.unknown` or `request.invalid`. */
async function refuseKnown({ db, organisationId }: Context, callId: string): Promise<never> {
  const { kind, state } = await requireCall(db, organisationId, callId)
  throw new AirworthyError(
    'request.invalid',
    kind === 'model'
      ? `the call is ${state}; only one whose use is unknown can be reconciled`
      : `the call is a ${kind} call; what became of its effect is settled with effects/resolve`,
  )
}

async function reconcileMany(
  context: Context,
  request: ReconcileCalls & { readonly olderThanSeconds: number },
): Promise<Reconciliation> {
  const { db, organisationId } = context
  const { as, agent, reason, limit = callsMax, dryRun = false } = request
  if (as === undefined || request.usage !== undefined || request.costUsd !== undefined) {
    throw new AirworthyError('request.invalid', 'body.as: say as what calls in bulk are settled')
  }
  const before = await timeBefore(db, request.olderThanSeconds)
  const agentId =
    agent === undefined ? undefined : (await requireAgent(db, organisationId, agent)).agentId
  const which: WhichCalls = { before, agentId, limit }
  const found = await listUnknownCalls(db, organisationId, which)
  // A lease is of a ledger, and the ledgers of budgets are shared by agents.
  const leases =
    agent === undefined
      ? await listLostLeases(db, organisationId, { before, limit: leasesMax })
      : []
  const calls = await settleOrShow(context, found, { as, reason, dryRun })
  if (!dryRun && leases.length > 0) await settleLeases(context, { before, as, reason })
  return {
    dryRun,
    calls,
    leases: leases.map(presentLease),
    more: found.length === limit || leases.length === leasesMax,
  }
}

/** Nothing is certain of a lost lease, so its estimate is that nothing of it was used. */
async function settleLeases(
  { db, organisationId, operator }: Context,
  command: {
    readonly before: LostLease['lostAt']
    readonly as: ReconcileAs
    readonly reason: string
  },
): Promise<void> {
  await settleLostLeases(db, organisationId, {
    before: command.before,
    as: command.as === 'worst' ? 'worst' : 'zero',
    reason: command.reason,
    operatorId: operator.operatorId,
  })
}

async function settleOrShow(
  context: Context,
  found: readonly UnknownCall[],
  command: Omit<StoredReconciliation, 'operatorId'> & { readonly dryRun: boolean },
): Promise<ReconciledCall[]> {
  const { calls, operator } = context
  const { as, reason, dryRun } = command
  if (dryRun) return found.map((call) => presentCall(call, as, null))
  const { operatorId } = operator
  const settled = await inTime(settleCalls(calls.settle, found, { as, reason, operatorId }))
  const receipts = new Map(settled.map(({ callId, receipt }) => [callId, receipt]))
  return found.flatMap((call) => {
    const receipt = receipts.get(call.callId)
    return receipt === undefined ? [] : [presentCall(call, as, receipt)]
  })
}

async function inTime<Done>(settling: Promise<Done>): Promise<Done> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const message = 'the log did not answer in time: look which calls are settled, and ask again'
    reject(new AirworthyError('log.unavailable', message))
  }, settleTimeoutMs)
  try {
    return await Promise.race([settling, late])
  } finally {
    clearTimeout(timer)
  }
}

function presentCall(
  call: UnknownCall,
  as: StoredReconciliation['as'],
  receipt: string | null,
): ReconciledCall {
  return {
    id: call.callId,
    agentId: call.agentId,
    agent: call.agentName,
    model: call.action,
    endpoint: call.endpoint ?? null,
    unknownSince: call.settledAt.toISOString(),
    held: presentAmounts(call.held),
    certain: call.certain === undefined ? null : presentAmounts(call.certain),
    used: presentAmounts(usedBy(call, as)),
    receipt,
  }
}
