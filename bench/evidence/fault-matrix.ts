// Whatever a provider does, a client sees one well-formed outcome, and the budgets know afterwards
// what was used. Each fault of the fake provider, whole and streamed, on the same and on another
// wire; then thousands of calls that meet many faults at once.
import type { EvidenceOptions, Figures } from './evidence.ts'
import { startFakeProvider } from '../../examples/provider/server.ts'
import { startAirworthy } from '../airworthy.ts'
import { runFaultCells } from './model-drills/fault-matrix.ts'
import { runFaultyLoad } from './model-drills/faulty-load.ts'
import { keyVariable, providerKey } from './model-drills/ground.ts'

const faultyCalls = 10_000
const faultyCallsQuick = 1000

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  await using provider = await startFakeProvider()
  const env = { [keyVariable]: providerKey }
  // The first keeps PostgreSQL up when the one under load has stopped.
  await using first = await startAirworthy({ env })
  await using loaded = await startAirworthy({ replicaOf: first, env })
  const ground = { provider, first, loaded, log }
  const cells = await runFaultCells(ground)
  const load = await runFaultyLoad(ground, quick ? faultyCallsQuick : faultyCalls)
  return { cells, load, holds: cells.holds && load.holds }
}
