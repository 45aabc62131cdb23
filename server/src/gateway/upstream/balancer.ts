// Which of several endpoints that could all take a call takes it.
import type { CompiledModel } from '../../core/pact/compiled.ts'

/** What the choice depends on. */
export type Candidate = {
  readonly weight: number
  readonly inFlight: number
  /** How soon it is expected to answer, in ms; 0 for one that is to be tried. */
  readonly latencyMs: number
}

type Choice = {
  readonly balance: CompiledModel['balance']
  /** From 0, below 1. */
  readonly random: () => number
}

/** Gives undefined only for an empty list. */
export function balance<Each extends Candidate>(
  candidates: readonly Each[],
  choice: Choice,
): Each | undefined {
  const [first] = candidates
  if (first === undefined || candidates.length === 1) return first
  if (choice.balance === 'weighted') return byWeight(candidates, choice.random)
  if (choice.balance === 'least-in-flight') return leastInFlight(candidates, choice.random)
  return powerOfTwo(candidates, choice.random)
}

function byWeight<Each extends Candidate>(
  candidates: readonly Each[],
  random: () => number,
): Each | undefined {
  let left = random() * candidates.reduce((sum, each) => sum + each.weight, 0)
  for (const each of candidates) {
    left -= each.weight
    if (left < 0) return each
  }
  return candidates.at(-1)
}

/** Those with equally little in flight are chosen by weight. */
function leastInFlight<Each extends Candidate>(
  candidates: readonly Each[],
  random: () => number,
): Each | undefined {
  const loadOf = (each: Candidate): number => each.inFlight / each.weight
  const least = Math.min(...candidates.map(loadOf))
  return byWeight(
    candidates.filter((each) => loadOf(each) === least),
    random,
  )
}

/**
 * Of two at random the one that is likely to answer first. To look at two rather than at all keeps
 * gateways that share endpoints from running to the same one together.
 */
function powerOfTwo<Each extends Candidate>(
  candidates: readonly Each[],
  random: () => number,
): Each | undefined {
  const at = Math.floor(random() * candidates.length)
  const step = 1 + Math.floor(random() * (candidates.length - 1))
  const one = candidates[at]
  const other = candidates[(at + step) % candidates.length]
  if (one === undefined || other === undefined) return one ?? other
  const [a, b] = [expectedMs(one), expectedMs(other)]
  if (a === b) return byWeight([one, other], random)
  return a < b ? one : other
}

function expectedMs({ latencyMs, inFlight, weight }: Candidate): number {
  return (latencyMs * (inFlight + 1)) / weight
}
