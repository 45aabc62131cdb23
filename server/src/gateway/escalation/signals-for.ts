import { type Signals, strangeSignals } from '../../core/escalation/escalation.ts'

const nothingKnown: Signals = { unseen: [], isLearning: false, anomalies: [] }

/**
 * What triggers are told. A call that is watched, and of which the recorder knows nothing, is a
 * stranger's: it is held rather than let through.
 */
export function signalsFor(
  known: Signals | undefined,
  { isWatched, score }: { readonly isWatched: boolean; readonly score: number | undefined },
): Signals | undefined {
  const signals = known ?? (isWatched ? strangeSignals : undefined)
  return score === undefined ? signals : { ...(signals ?? nothingKnown), score }
}
