// Our log as others' code reads it: proofs that @sigstore/verify accepts, and tampered leaves, tiles,
// bundles, proofs and checkpoints that neither its code nor ours accepts.
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { repository } from '../airworthy.ts'
import { isRecord, numberField, runProgram } from '../processes.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const tamperingsMin = 1_000
const proofsMin = 500
const targets = ['leaf', 'tile', 'bundle', 'proof', 'checkpoint']

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  const tamperings = quick ? tamperingsMin : 10 * tamperingsMin
  const proofs = quick ? proofsMin : 10 * proofsMin
  // Another draw each time; the seed is among the figures, so that any of them can be run again.
  const seed = randomInt(2 ** 31 - 1)
  log(`checking ${proofs} proofs and ${tamperings} tamperings, seed ${seed}`)
  const program = join(repository, 'server/test/tlog/main.ts')
  const args = [program, 'others', String(proofs), String(tamperings), String(seed)]
  const figures = await runProgram({ name: 'log tamperings', args })
  const made = figures['tamperings']
  const each = isRecord(made) ? targets.map((target) => numberField(made, target)) : []
  const isFull =
    each.length === targets.length && each.every((count) => count >= tamperings / targets.length)
  const isRead =
    numberField(figures, 'proofsAccepted') === proofs &&
    numberField(figures, 'proofsAcceptedByOthers') === proofs
  // What changes only how a file is spelled, or a file that they do not read, is not theirs to see.
  const isJudged = numberField(figures, 'tamperingsForOthers') >= tamperings / 2
  const isRefused =
    numberField(figures, 'accepted') === 0 && numberField(figures, 'acceptedByOthers') === 0
  return { ...figures, holds: isFull && isRead && isJudged && isRefused }
}
