// Runs as the wire shows them.
import type { OpenRun, Run, RunDetail, RunStep, SettleRun, TakeBackRun } from '@airworthy/sdk'
import { z } from 'zod'
import { runNameLengthMax } from '../../core/run/run.ts'
import { listSteps, type RunRow, type StepRow } from '../../store/runs/runs.ts'
import { presentAmount, effectClassSchema, effectStateSchema } from '../effects/effect.ts'
import type { Context } from '../operation.ts'
import { amount, id, text, time } from '../schemas.ts'

export const runStateSchema = z.enum([
  'open',
  'completing',
  'completed',
  'compensating',
  'compensated',
  'stuck',
  'settled',
])

const reaction = z.enum(['compensate', 'keep'])

export const runSchema = z
  .object({
    id,
    sessionId: id,
    agentId: id,
    agent: z.string(),
    name: z.string().nullable(),
    state: runStateSchema,
    reason: z.string().nullable(),
    closedByCall: id.nullable(),
    onFailure: reaction,
    onDenied: reaction,
    irreversibleLast: z.boolean(),
    expiresAt: time.nullable(),
    parentId: id.nullable(),
    openedAt: time,
    closedAt: time.nullable(),
    endedAt: time.nullable(),
    settledReason: z.string().nullable(),
  })
  .meta({ id: 'Run' }) satisfies z.ZodType<Run>

const runStepSchema = z
  .object({
    effectId: id,
    callId: id,
    action: z.string(),
    effectClass: effectClassSchema,
    state: effectStateSchema,
    amount: amount.nullable(),
    attempts: z.int(),
    code: z.string().nullable(),
    message: z.string().nullable(),
    isLeft: z.boolean(),
  })
  .meta({ id: 'RunStep' }) satisfies z.ZodType<RunStep>

export const runDetailSchema: z.ZodType<RunDetail> = z
  .object({
    run: runSchema,
    steps: z.array(runStepSchema),
    progress: z.object({
      steps: z.int(),
      undone: z.int(),
      standing: z.int(),
      left: z.int(),
    }),
  })
  .meta({ id: 'RunDetail' })

const secondsMax = 30 * 86_400

export const openRunSchema: z.ZodType<OpenRun> = z
  .strictObject({
    name: z
      .string()
      .regex(new RegExp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,${runNameLengthMax - 1}}$`), {
        error: `expected at most ${runNameLengthMax} letters, digits, "-", "_" and "."`,
      })
      .meta({ description: 'Unique in the session.' }),
    onFailure: reaction.exactOptional(),
    onDenied: reaction.exactOptional(),
    irreversibleLast: z.boolean().exactOptional(),
    expiresAfterSeconds: z.int().min(1).max(secondsMax).exactOptional(),
  })
  .meta({ id: 'OpenRun' })

const reasonMax = 500

export const takeBackSchema: z.ZodType<TakeBackRun> = z
  .strictObject({ reason: text({ max: reasonMax }).exactOptional() })
  .meta({ id: 'TakeBackRun' })

export const settleSchema: z.ZodType<SettleRun> = z
  .strictObject({
    reason: text({ min: 1, max: reasonMax }).meta({ description: 'What became of what was left.' }),
  })
  .meta({ id: 'SettleRun' })

export function presentRun(row: RunRow): Run {
  return {
    id: row.runId,
    sessionId: row.sessionId,
    agentId: row.agentId,
    agent: row.agentName,
    name: row.name === '' ? null : row.name,
    state: row.state,
    reason: row.reason,
    closedByCall: row.closedByCall,
    onFailure: row.onFailure,
    onDenied: row.onDenied,
    irreversibleLast: row.irreversibleLast,
    expiresAt: row.expiresAt?.toISOString() ?? null,
    parentId: row.parentRunId,
    openedAt: row.openedAt.toISOString(),
    closedAt: row.closedAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
    settledReason: row.settledReason,
  }
}

function presentStep(row: StepRow): RunStep {
  return {
    effectId: row.effectId,
    callId: row.callId,
    action: row.action,
    effectClass: row.effectClass,
    state: row.state,
    amount: presentAmount(row),
    attempts: row.attempts,
    code: row.code,
    message: row.message,
    isLeft: row.isLeft,
  }
}

const standing: ReadonlySet<string> = new Set([
  'executing',
  'done',
  'unknown',
  'undoing',
  'undo_failed',
])

export async function readDetail(context: Context, run: RunRow): Promise<RunDetail> {
  const { db, organisationId } = context
  const rows = await listSteps(db, organisationId, run, { isOpenOnly: false })
  const steps = rows.toReversed().map(presentStep)
  return {
    run: presentRun(run),
    steps,
    progress: {
      steps: steps.length,
      undone: steps.filter((step) => step.state === 'undone').length,
      standing: steps.filter((step) => standing.has(step.state)).length,
      left: steps.filter((step) => step.isLeft && standing.has(step.state)).length,
    },
  }
}
