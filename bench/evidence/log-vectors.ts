// The log's formats against data that others made: Tessera's own test log built again from its entries
// and its published key, Sunlight's cosignatures, and Wycheproof's Ed25519 and ML-DSA-44 cases.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '../airworthy.ts'
import { isRecord, numberField, runProgram } from '../processes.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

/** What there is to compare: fewer would mean that something was skipped. */
const expected: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  tessera: {
    checkpoints: 16,
    tiles: 15,
    bundles: 15,
    inclusionProofs: 120,
    consistencyProofs: 120,
  },
  sunlight: { keys: 3, cosignatures: 3 },
  wycheproofEd25519: { cases: 151 },
  wycheproofMlDsa44: { cases: 180 },
}

export async function run({ log }: EvidenceOptions): Promise<Figures> {
  const shared = process.env['AIRWORTHY_SHARED'] ?? join(repository, '../shared')
  if (!existsSync(join(shared, 'vectors/tlog-tiles-tessera'))) {
    throw new Error('the official vectors are not there: set AIRWORTHY_SHARED to their folder')
  }
  log('comparing with the vectors of Tessera, Sunlight and Wycheproof')
  const program = join(repository, 'server/test/tlog/main.ts')
  // The program ends with an error at the first difference.
  const figures = await runProgram({
    name: 'log vectors',
    args: [program, 'vectors'],
    env: { AIRWORTHY_SHARED: shared },
  })
  const holds = Object.entries(expected).every(([name, counts]) => {
    const found = figures[name]
    if (!isRecord(found)) return false
    return Object.entries(counts).every(([what, count]) => numberField(found, what) === count)
  })
  return { ...figures, holds }
}
