// The blast radius of an undo: what would be undone, in which order, and what cannot be.
import type { PlannedUndo, UndoPreview } from '@airworthy/sdk'
import { z } from 'zod'
import { foresee } from '../../core/run/preview.ts'
import { readUndoTarget } from '../../store/runs/undo.ts'
import { listSteps, type StepRow } from '../../store/runs/runs.ts'
import { effectClassSchema, effectStateSchema, presentAmount } from '../effects/effect.ts'
import type { Context } from '../operation.ts'
import { loadPact } from '../pacts.ts'
import { amount, id, integerText } from '../schemas.ts'

export const previewSchema: z.ZodType<UndoPreview> = z
  .object({
    sessionId: id,
    runId: id.nullable(),
    steps: z.array(
      z.object({
        effectId: id,
        callId: id,
        action: z.string(),
        effectClass: effectClassSchema,
        state: effectStateSchema,
        amount: amount.nullable(),
        verdict: z.enum(['undo', 'cancel', 'find_out', 'cannot', 'nothing']),
        why: z.string(),
      }),
    ),
    money: z.array(z.object({ currency: z.string(), undone: integerText, left: integerText })),
  })
  .meta({ id: 'UndoPreview' })

/** Changes nothing. `run` may be one that does not exist yet: then its id is empty. */
export async function previewUndo(
  context: Context,
  run: { readonly runId: string | null; readonly sessionId: string; readonly name: string },
): Promise<UndoPreview> {
  const { db, organisationId } = context
  const named = { ...run, runId: run.runId ?? run.sessionId }
  const rows = await listSteps(db, organisationId, named, { isOpenOnly: false })
  const own = new Set(rows.map((row) => row.effectId))
  const steps: PlannedUndo[] = []
  // One after the other: a preview must not take the connections that calls need.
  for (const row of rows) steps.push(await plan(context, row, own))
  return { sessionId: run.sessionId, runId: run.runId, steps, money: sumMoney(steps) }
}

async function plan(
  context: Context,
  row: StepRow,
  own: ReadonlySet<string>,
): Promise<PlannedUndo> {
  const { db, organisationId } = context
  const pact = await loadPact(db, organisationId, row.pactId)
  const undo = pact.tools.get(row.action)?.contract.undo
  const target = await readUndoTarget(db, organisationId, row.effectId)
  const others = (target?.inTheWay ?? []).filter((other) => !own.has(other.effectId))
  const windowMs = undo?.windowSeconds === undefined ? undefined : undo.windowSeconds * 1000
  const { verdict, why } = foresee(
    {
      step: row,
      hasUndo: undo !== undefined,
      undoUntilMs:
        windowMs === undefined || target === undefined
          ? undefined
          : target.dispatchedAtMs + windowMs,
      inTheWay: others.map((other) => other.callId),
    },
    Date.now(),
  )
  const { effectId, callId, action, effectClass, state } = row
  return { effectId, callId, action, effectClass, state, amount: presentAmount(row), verdict, why }
}

function sumMoney(steps: readonly PlannedUndo[]): UndoPreview['money'] {
  const sums = new Map<string, { undone: bigint; left: bigint }>()
  for (const { amount: moved, verdict } of steps) {
    if (moved === null || verdict === 'nothing' || verdict === 'cancel') continue
    const sum = sums.get(moved.currency) ?? { undone: 0n, left: 0n }
    sums.set(moved.currency, sum)
    sum[verdict === 'cannot' ? 'left' : 'undone'] += BigInt(moved.minorUnits)
  }
  return [...sums].map(([currency, { undone, left }]) => ({
    currency,
    undone: undone.toString(),
    left: left.toString(),
  }))
}
