import { type Signals, strangeSignals } from '../../core/escalation/escalation.ts'

const nothingKnown: Signals = { unseen: [], isLearning: false, anomalies: [] }

/**
 * What triggers are told. A call that is watched, and of which the recorder knows nothing, is a
 * stranger's: it is held rather than let through.
 */
export function signalsFor(
  known: Signals | undefined,
  {
    isWatched,
    score,
    isOfPerson,
  }: {
    readonly isWatched: boolean
    readonly score: number | undefined
    readonly isOfPerson: boolean
  },
): Signals | undefined {
  if (isOfPerson) return { ...nothingKnown, isOfPerson }
  const signals = known ?? (isWatched ? strangeSignals : undefined)
  return score === undefined ? signals : { ...(signals ?? nothingKnown), score }
}
