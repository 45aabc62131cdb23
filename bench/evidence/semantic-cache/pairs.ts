// The pairs of the evidence, and which half of them the vetoes were tuned on.
import { createHash } from 'node:crypto'
import { paraphrases } from './paraphrases.ts'
import { traps } from './traps.ts'

export type Pair = {
  readonly cached: string
  readonly asked: string
  /** Both want the same answer. */
  readonly same: boolean
  /** The kind of trap, or `paraphrase`. */
  readonly kind: string
  /** The vetoes and word lists were tuned on one half; the other was only looked at for figures. */
  readonly half: 'tuned' | 'held out'
}

export function writtenPairs(): Pair[] {
  const pairs: Pair[] = readLines(paraphrases).map((line) => readPair(line, 'paraphrase'))
  let kind = ''
  for (const line of readLines(traps)) {
    if (line.startsWith('# ')) kind = line.slice(2)
    else pairs.push(readPair(line, kind))
  }
  return pairs
}

function readLines(text: string): string[] {
  return text.trim().split('\n')
}

function readPair(line: string, kind: string): Pair {
  const [cached, asked, ...more] = line.split(' | ')
  if (cached === undefined || asked === undefined || more.length > 0) {
    throw new TypeError(`not a pair: ${line}`)
  }
  // By a hash, so that nobody chose which pair is in which half.
  const digest = createHash('sha256').update(line).digest()
  const half = (digest[0] ?? 0) % 2 === 0 ? 'tuned' : 'held out'
  return { cached, asked, same: kind === 'paraphrase', kind, half }
}
