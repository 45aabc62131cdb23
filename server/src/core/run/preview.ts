// What undoing a run would do to each of its steps, and what it could not undo. Pure.
import type { Step } from './compensation.ts'

export type UndoVerdict = 'undo' | 'cancel' | 'find_out' | 'cannot' | 'nothing'

export type StepOutlook = {
  readonly step: Pick<Step, 'state' | 'effectClass'>
  /** Whether its contract, under the pact that it was made under, says how to undo it. */
  readonly hasUndo: boolean
  /** The end of the contract's window, milliseconds since the Unix epoch. */
  readonly undoUntilMs: number | undefined
  /** Later effects outside the run that touched the same thing: their calls. */
  readonly inTheWay: readonly string[]
}

export function foresee(
  outlook: StepOutlook,
  nowMs: number,
): { readonly verdict: UndoVerdict; readonly why: string } {
  const { step, hasUndo, undoUntilMs, inTheWay } = outlook
  if (step.state === 'held' || step.state === 'deferred') {
    return { verdict: 'cancel', why: 'it was never carried out' }
  }
  if (step.state === 'undone') return { verdict: 'nothing', why: 'it is undone' }
  if (step.state === 'failed' || step.state === 'denied') {
    return { verdict: 'nothing', why: 'it changed nothing' }
  }
  if (step.effectClass === 'irreversible') {
    return { verdict: 'cannot', why: 'its contract says that it is irreversible' }
  }
  if (!hasUndo) return { verdict: 'cannot', why: 'its contract says no way to undo it' }
  if (undoUntilMs !== undefined && undoUntilMs <= nowMs) {
    return { verdict: 'cannot', why: 'the time to undo it is over' }
  }
  if (inTheWay.length > 0) {
    const calls = inTheWay.slice(0, 3).join(', ')
    return { verdict: 'cannot', why: `a later call touched the same thing: ${calls}` }
  }
  if (step.state === 'executing' || step.state === 'unknown') {
    return { verdict: 'find_out', why: 'its outcome is found out first, then it is undone' }
  }
  return { verdict: 'undo', why: step.state === 'undo_failed' ? 'the last attempt failed' : '' }
}
