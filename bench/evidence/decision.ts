// A decision with 50 rules costs microseconds: timed one by one, in a process of its own.
import { bars, benchDecision, decisionsMin } from '../decision/bench.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  const decisions = quick ? decisionsMin : 4 * decisionsMin
  log(`timing ${decisions} decisions`)
  const { figures, holds } = await benchDecision(decisions)
  log(`p50 ${String(figures['p50'])} us, p99 ${String(figures['p99'])} us`)
  return { ...figures, bars, holds }
}
