// The refusing semantic cache: pairs of questions run through the real command, and through a real
// server in shadow and live; and the search for the nearest of 100,000 vectors, timed.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { repository } from '../airworthy.ts'
import { round } from '../figures.ts'
import { isRecord, numberField, runProgram } from '../processes.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import { type Pair, writtenPairs } from './semantic-cache/pairs.ts'
import { runThroughGateway } from './semantic-cache/through-gateway.ts'

const falseHitRateMax = 0.005
const searchMsMax = 5
const pairsMin = 500
const vectors = 100_000
const sharedFile = 'data/guardrails/semantic_cache/gptcache_mock.jsonl'

type Question = { readonly cached: string; readonly asked: string; readonly same: boolean }
type Checked = Question & { readonly isHit: boolean; readonly answeredBy: string | null }

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  const pairs = writtenPairs()
  const traps = pairs.filter((pair) => !pair.same).length
  log(`${pairs.length} pairs of our own, ${traps} of them traps`)
  const checked = await check(pairs)
  const byHalf = (half: Pair['half']) => checked.filter((_, at) => pairs[at]?.half === half)
  const written = {
    pairs: pairs.length,
    traps,
    ...figuresOf(checked),
    tunedHalf: figuresOf(byHalf('tuned')),
    heldOutHalf: figuresOf(byHalf('held out')),
  }
  const shared = await checkShared(log)
  log('pairs through a gateway: shadow, then live')
  const gateway = await runThroughGateway(pairs, quick ? 60 : 200)
  log(`searching ${vectors} vectors`)
  const search = await measureSearch(quick ? 300 : 2_000)
  const isShortEnough = numberField(search, 'bestOfThreeP99') < searchMsMax
  return {
    written,
    shared,
    gateway,
    search,
    falseHitRateMax,
    searchMsMax,
    holds:
      pairs.length >= pairsMin &&
      traps * 3 >= pairs.length &&
      written.falseHitRate <= falseHitRateMax &&
      written.heldOutHalf.falseHitRate <= falseHitRateMax &&
      (shared === null || shared.falseHitRate <= falseHitRateMax) &&
      gateway.falseHits === 0 &&
      gateway.semanticHits > 0 &&
      isShortEnough,
  }
}

/** Runs `airworthy cache check`, which knows no label but `same`. */
async function check(pairs: readonly Question[]): Promise<Checked[]> {
  const directory = await mkdtemp(join(tmpdir(), 'airworthy-cache-'))
  try {
    const file = join(directory, 'pairs.jsonl')
    const lines = pairs.map(({ cached, asked, same }) => JSON.stringify({ cached, asked, same }))
    await writeFile(file, lines.join('\n'))
    const program = join(repository, 'server/bin/airworthy.js')
    const child = spawn(process.execPath, [program, '--json', 'cache', 'check', file], {
      env: { ...process.env, NODE_OPTIONS: '--conditions=airworthy-source' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    return readChecked(await text(child.stdout), pairs)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function readChecked(printed: string, pairs: readonly Question[]): Checked[] {
  const parsed: unknown = JSON.parse(printed)
  const rows: unknown = isRecord(parsed) ? parsed['pairs'] : undefined
  if (!Array.isArray(rows) || rows.length !== pairs.length) throw new TypeError('no checked pairs')
  return pairs.map((pair, at) => {
    const row: unknown = rows[at]
    if (!isRecord(row)) throw new TypeError('no checked pair')
    const { isHit, answeredBy } = row
    return {
      ...pair,
      isHit: isHit === true,
      answeredBy: typeof answeredBy === 'string' ? answeredBy : null,
    }
  })
}

/**
 * A false hit is a trap that is answered, or a question answered with the reply to one that is none
 * of those that it is a paraphrase of, when all are cached together.
 */
function figuresOf(checked: readonly Checked[]) {
  const same = checked.filter((pair) => pair.same)
  const hits = same.filter((pair) => pair.isHit).length
  const trapped = checked.filter((pair) => !pair.same && pair.isHit).length
  const strange = same.filter((pair) => pair.answeredBy !== null && pair.answeredBy !== pair.cached)
  const falseHits = trapped + strange.length
  return {
    paraphrases: same.length,
    hits,
    hitRate: round(hits / Math.max(1, same.length), 4),
    falseHits,
    falseHitRate: round(falseHits / Math.max(1, checked.length), 4),
  }
}

/** Pairs of others, all of them paraphrases; they come from outside and may be absent. */
async function checkShared(log: EvidenceOptions['log']) {
  const folder = process.env['AIRWORTHY_SHARED'] ?? join(repository, '../shared')
  const lines = await readFile(join(folder, sharedFile), 'utf8').catch(() => undefined)
  if (lines === undefined) {
    log('SKIPPED: the shared pairs are not here (AIRWORTHY_SHARED names their folder)')
    return null
  }
  const pairs = lines
    .trim()
    .split('\n')
    .map((line): Question => {
      const parsed: unknown = JSON.parse(line)
      if (!isRecord(parsed)) throw new TypeError('a shared pair is no object')
      return { cached: String(parsed['origin']), asked: String(parsed['similar']), same: true }
    })
  const checked = await check(pairs)
  log(`${pairs.length} shared pairs`)
  return { pairs: pairs.length, ...figuresOf(checked) }
}

async function measureSearch(searches: number) {
  const program = join(repository, 'server/test/cache/measure.ts')
  const args = [program, String(vectors), String(searches)]
  const measured = await runProgram({ name: 'measure', args })
  const times = measured['signaturesMs']
  if (!isRecord(times)) throw new TypeError('no times of the search')
  return { vectors, searches: 2 * searches, ...times, recall: measured['signaturesRecall'] }
}
