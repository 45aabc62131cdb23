// Takes a run to its end, one task after the other: each is decided on what the database says of
// the steps, so a task that was cut off is seen for what it came to.
import { AirworthyError, asAirworthyError } from '../../core/errors.ts'
import {
  nextCompensation,
  nextCompletion,
  type Step,
  type Task,
  undoAttemptsMax,
  undoDelayMs,
  unsettledMsMax,
} from '../../core/run/compensation.ts'
import { cancelStep } from '../../store/holds/run-holds.ts'
import {
  finishRun,
  leaseSeconds,
  noteAttempt,
  releaseLease,
  renewLease,
  type RunLease,
} from '../../store/runs/run-work.ts'
import { listSteps, type RunRow, type StepRow } from '../../store/runs/runs.ts'
import { executeHold } from '../execute-hold.ts'
import type { Gateway } from '../gateway.ts'
import { probeEffect } from '../tools/probe-effect.ts'
import { undoEffect } from '../undo-effect.ts'

/** A probe that found nothing out is asked again after this. */
const probeDelayMs = 1000
const retryDelayMs = 500
const frozenDelayMs = 1000

export async function driveRun(
  gateway: Gateway,
  lease: RunLease,
  stopping: AbortSignal,
): Promise<void> {
  const { db, organisationId } = gateway
  while (!stopping.aborted) {
    const held = await renewLease(db, organisationId, lease)
    if (held === undefined) return
    // What is frozen stands still, as it is; what is unwound goes on being taken back.
    if (gateway.fence.killRefusal(held.run, 'undo') !== undefined) {
      await releaseLease(db, organisationId, lease, held.nowMs + frozenDelayMs)
      return
    }
    const task = await nextTask(gateway, held.run, held.nowMs)
    if (task === undefined) break
    if (task.kind === 'wait') {
      await releaseLease(db, organisationId, lease, task.untilMs)
      return
    }
    const isOver = await underLease(gateway, lease, () =>
      perform(gateway, { ...held, lease, task }),
    )
    if (isOver) return
  }
  await releaseLease(db, organisationId, lease)
}

async function nextTask(gateway: Gateway, run: RunRow, nowMs: number): Promise<Task | undefined> {
  const { db, organisationId } = gateway
  if (run.state !== 'completing' && run.state !== 'compensating') return undefined
  const steps = await listSteps(db, organisationId, run, { isOpenOnly: true })
  if (run.state === 'completing') return nextCompletion(steps, { nowMs })
  const closedAtMs = run.closedAt?.getTime() ?? nowMs
  return nextCompensation(steps, { nowMs, closedAtMs })
}

/** A tool may take longer than the lease lasts: it is renewed for as long as this process lives. */
async function underLease<Result>(
  gateway: Gateway,
  lease: RunLease,
  work: () => Promise<Result>,
): Promise<Result> {
  const { db, organisationId } = gateway
  const timer = setInterval(
    () => {
      // A renewal that fails is seen when the task is over: the next one is not begun.
      renewLease(db, organisationId, lease).catch(() => undefined)
    },
    (leaseSeconds * 1000) / 3,
  )
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}

type Work = {
  readonly run: RunRow
  readonly nowMs: number
  readonly lease: RunLease
  readonly task: Exclude<Task, { kind: 'wait' }>
}

/** True when this worker has nothing more to do with the run for now. */
async function perform(gateway: Gateway, work: Work): Promise<boolean> {
  const { db, organisationId } = gateway
  const { run, lease, task } = work
  switch (task.kind) {
    case 'finish':
      await finishRun(db, organisationId, { lease, from: run.state, state: task.state })
      return true
    case 'cancel':
      await cancelStep(db, organisationId, { run, step: task.step })
      return false
    case 'probe':
      return probe(gateway, work, task.step)
    case 'execute':
      return execute(gateway, work, task.step)
    case 'leave':
      await leave(gateway, work, task)
      return false
    case 'undo':
      return undo(gateway, work, task.step)
    default:
      return true
  }
}

async function probe(gateway: Gateway, work: Work, step: Step): Promise<boolean> {
  const { db, organisationId } = gateway
  const end = await probeEffect(gateway, step.effectId).catch((thrown: unknown) => {
    gateway.log('a probe failed', { effect: step.effectId, error: String(thrown) })
    return 'still_unknown' as const
  })
  if (end !== 'still_unknown') return false
  await releaseLease(db, organisationId, work.lease, work.nowMs + probeDelayMs)
  return true
}

/** A deferred call is decided again on fresh facts; what becomes of it is on its own record. */
async function execute(gateway: Gateway, work: Work, step: Step): Promise<boolean> {
  const { db, organisationId } = gateway
  const { run, lease, nowMs } = work
  if (step.holdId === undefined) throw new Error(`the deferred effect ${step.effectId} has no hold`)
  // Its tool alone may be stopped: a denial would complete the run without it.
  const stopped = gateway.fence.killRefusal({ ...run, tool: step.action })
  if (stopped !== undefined) {
    await releaseLease(db, organisationId, lease, nowMs + frozenDelayMs)
    return true
  }
  await executeHold(gateway, step.holdId).catch((thrown: unknown) => {
    // It went on before: another gateway was quicker, or this one was taken over from.
    if (!(thrown instanceof AirworthyError) || thrown.code !== 'hold.settled') throw thrown
  })
  return false
}

const leaving = {
  irreversible: {
    code: 'effect.not_undoable',
    message: 'its contract says that it is irreversible',
  },
  unsettled: { code: 'effect.unknown', message: 'its outcome did not become known in time' },
} as const

async function leave(gateway: Gateway, work: Work, task: Task & { kind: 'leave' }): Promise<void> {
  const { db, organisationId } = gateway
  const { lease } = work
  const { step, why } = task
  const attempt = { lease, step, ...leaving[why], isLeft: true, delayMs: 0 }
  await noteAttempt(db, organisationId, attempt)
}

async function undo(gateway: Gateway, work: Work, step: Step): Promise<boolean> {
  const { db, organisationId } = gateway
  const { run, lease, nowMs } = work
  const { effectId, callId } = step
  try {
    await undoEffect(gateway, {
      callId,
      effectId,
      // Nobody told a run that failed by itself to be taken back: its own id stands for it.
      operatorId: run.closedBy ?? run.runId,
      reason: run.reason ?? 'run',
      isUnattended: true,
    })
    return false
  } catch (thrown) {
    const { code, message } = asAirworthyError(thrown)
    if (code === 'internal.unexpected') throw thrown
    const isLate = nowMs - (run.closedAt?.getTime() ?? nowMs) > unsettledMsMax
    // What is frozen waits for as long as it is.
    if (isNotItsFault(code) && (!isLate || code === 'kill.active')) {
      await releaseLease(db, organisationId, lease, nowMs + retryDelayMs)
      return true
    }
    const attempts = step.attempts + 1
    const isLeft =
      isLate || attempts >= undoAttemptsMax || (await isForGood(gateway, { run, step, code }))
    const delayMs = undoDelayMs(attempts)
    await noteAttempt(db, organisationId, { lease, step, code, message, isLeft, delayMs })
    return false
  }
}

const waitingCodes: ReadonlySet<string> = new Set([
  'effect.in_flight',
  'effect.unknown',
  'log.unavailable',
  'kill.active',
])

/** The undo is under way, its end is being found out, or nothing can be written: no attempt. */
function isNotItsFault(code: string): boolean {
  return waitingCodes.has(code) || code.startsWith('gateway.')
}

/** An undo that was refused before its tool was asked will be refused again. */
async function isForGood(
  gateway: Gateway,
  refused: { readonly run: RunRow; readonly step: Step; readonly code: string },
): Promise<boolean> {
  const { run, step, code } = refused
  if (code === 'effect.undo_expired') return true
  if (code !== 'effect.not_undoable') return false
  const now = await readStep(gateway, run, step.effectId)
  return now?.state === 'done'
}

async function readStep(
  gateway: Gateway,
  run: RunRow,
  effectId: string,
): Promise<StepRow | undefined> {
  const { db, organisationId } = gateway
  const steps = await listSteps(db, organisationId, run, { isOpenOnly: true })
  return steps.find((step) => step.effectId === effectId)
}
