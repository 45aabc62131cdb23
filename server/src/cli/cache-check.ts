// airworthy cache check <pairs.jsonl>: what the semantic cache would do with pairs of questions. It
// needs no server.
import { type Command, Option } from 'commander'
import { z } from 'zod'
import {
  checkDefaults,
  type CheckedPair,
  type CheckOptions,
  checkPair,
  checkPool,
  type QuestionPair,
} from '../core/cache/check-pairs.ts'
import { upperBound } from '../core/cache/false-hits.ts'
import { globalOptions } from './connection.ts'
import { exitCodes, UsageError } from './failure.ts'
import { printFields, printJson, printTable } from './terminal.ts'
import { readTextFile } from './text-file.ts'

const pairsMax = 100_000

const pairSchema = z.object({
  cached: z.string(),
  asked: z.string(),
  same: z.boolean().optional(),
})

type Options = {
  readonly threshold: string
  readonly unmatchedWords: CheckOptions['unmatchedWords']
  readonly falseHitRateMax: string
}

export function addCacheCheckCommand(cache: Command): void {
  cache
    .command('check')
    .description('what the offline semantic cache would do with pairs of questions')
    .argument('<pairs.jsonl>', 'a line a pair: {"cached", "asked", "same"}; - is standard input')
    .option('--threshold <cosine>', 'the least likeness', String(checkDefaults.threshold))
    .addOption(
      new Option('--unmatched-words <how>', 'words that only one of the two has')
        .choices(['refuse', 'allow'])
        .default('refuse'),
    )
    .option('--false-hit-rate-max <share>', 'a gate: above it the command fails', '0.005')
    .action((file: string, options: Options, command: Command) => check(file, options, command))
}

type Row = QuestionPair & CheckedPair & { readonly answeredBy: string | null }

async function check(file: string, options: Options, command: Command): Promise<void> {
  const pairs = readPairs(await readTextFile(file))
  const checkOptions = {
    threshold: shareOf('--threshold', options.threshold),
    unmatchedWords: options.unmatchedWords,
  }
  const pool = checkPool(pairs, checkOptions)
  const rows = pairs.map((pair, at): Row => {
    const place = pool[at]
    const answeredBy = place === undefined ? null : (pairs[place]?.cached ?? null)
    return { ...pair, ...checkPair(pair, checkOptions), answeredBy }
  })
  const figures = figuresOf(rows)
  const rateMax = shareOf('--false-hit-rate-max', options.falseHitRateMax)
  if ((figures.falseHitRate ?? 0) > rateMax) process.exitCode = exitCodes.gateFailed
  if (globalOptions(command).json === true) {
    printJson({ ...figures, pairs: rows })
    return
  }
  const wrong = rows.filter((row) => row.same === false && row.isHit)
  printTable(
    ['FALSE HIT', 'ANSWERED WITH THE REPLY TO', 'LIKE'],
    wrong.map((row) => [row.asked, row.cached, row.similarity.toFixed(3)]),
  )
  const { vetoes, ...totals } = figures
  printFields({ ...totals, ...vetoes })
}

function shareOf(option: string, text: string): number {
  const share = Number(text)
  if (text.trim() !== '' && share >= 0 && share <= 1) return share
  throw new UsageError(`${option} takes a number from 0 to 1`)
}

function readPairs(text: string): QuestionPair[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  if (lines.length > pairsMax) throw new UsageError(`at most ${pairsMax} pairs`)
  return lines.map((line, at) => {
    try {
      return pairSchema.parse(JSON.parse(line))
    } catch (cause) {
      throw new UsageError(`line ${at + 1} is no pair {"cached", "asked", "same"}`, { cause })
    }
  })
}

function figuresOf(rows: readonly Row[]) {
  const vetoes: Record<string, number> = {}
  for (const { veto } of rows) if (veto !== undefined) vetoes[veto] = (vetoes[veto] ?? 0) + 1
  const told = rows.filter((row) => row.same !== undefined)
  const same = told.filter((row) => row.same === true)
  const hits = same.filter((row) => row.isHit).length
  const falseHits = told.filter((row) => row.same === false && row.isHit).length
  // Against all cached questions: whose answer was it?
  const strange = told.filter(
    (row) => row.answeredBy !== null && !(row.same === true && row.answeredBy === row.cached),
  )
  return {
    count: rows.length,
    hits: rows.filter((row) => row.isHit).length,
    same: same.length,
    hitRate: same.length === 0 ? null : hits / same.length,
    falseHits,
    falseHitRate: told.length === 0 ? null : falseHits / told.length,
    falseHitRateBelow: told.length === 0 ? null : upperBound(falseHits, told.length),
    answeredByAnother: strange.length,
    vetoes,
  }
}
