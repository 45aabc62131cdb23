// The bars of the gateway bench as evidence.

import { fullPlan, quickPlan, runBench } from '../gateway/bench.ts'
import { formatReport } from '../gateway/report.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const sessions = 128

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  const { report, postgres } = await runBench({
    plan: quick ? quickPlan : fullPlan,
    targets: ['direct', 'dispatch', 'floor', 'airworthy'],
    sessions,
    log,
  })
  for (const line of formatReport(report).split('\n')) log(line)
  return { postgres, sessions, ...report }
}
