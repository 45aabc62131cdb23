// Recorded runs of tau2-bench, replayed against the shop itself: no gateway, no model.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { z } from 'zod'
import { canonicalJson } from './shop/canonical.ts'
import { createWorld, openShop, runTool, seedShop, worldDigest } from './index.ts'
import type { Shop } from './index.ts'
import { createTestDatabase, skipWithoutDatabase } from './test-database.ts'

const SHARED = process.env.AIRWORTHY_SHARED ?? join(import.meta.dirname, '..', '..', '..', 'shared')
const DATABASE_DIRECTORY = join(SHARED, 'data', 'tau-env', 'tau2', 'retail')
const RECORDING = join(
  SHARED,
  'data',
  'tau2-retail-versions',
  'Retail-Base-Gpt-4.1-mini-2026-02-22T13_32_37.jsonl.gz',
)

const callSchema = z.object({
  requestor: z.string(),
  name: z.string(),
  arguments: z.record(z.string(), z.unknown()),
})
const runSchema = z.object({
  task: z.object({
    id: z.string(),
    evaluation_criteria: z.object({ actions: z.array(callSchema).nullable() }),
  }),
  reward_info: z.object({ db_check: z.object({ db_match: z.boolean() }).nullish() }).nullable(),
  messages: z.array(
    z.object({
      role: z.string(),
      id: z.string().optional(),
      content: z.string().nullable(),
      requestor: z.string().optional(),
      error: z.boolean().optional(),
      tool_calls: z.array(callSchema.extend({ id: z.string() })).nullish(),
    }),
  ),
})
type Run = z.infer<typeof runSchema>

async function readRuns(): Promise<Run[]> {
  const lines = gunzipSync(await readFile(RECORDING))
    .toString('utf8')
    .trim()
    .split('\n')
  return lines.map((line) => {
    const run: unknown = JSON.parse(line)
    return runSchema.parse(run)
  })
}

// A recorded id is not JSON; it then stands for itself.
function canonicalText(text: string): string {
  try {
    return canonicalJson(JSON.parse(text))
  } catch {
    return text
  }
}

async function replayResults(shop: Shop, run: Run, world: string): Promise<boolean[]> {
  const calls = new Map<string, z.infer<typeof callSchema>>()
  const equals: boolean[] = []
  for (const message of run.messages) {
    for (const call of message.tool_calls ?? []) calls.set(call.id, call)
    if (message.role !== 'tool' || message.requestor === 'user') continue
    const call = calls.get(message.id ?? '')
    assert(call, 'every recorded result belongs to a call')
    const result = await runTool(shop, { world, tool: call.name, arguments: call.arguments })
    const isSameError = result.isError === message.error
    const isSameText = canonicalText(result.text) === canonicalText(message.content ?? '')
    equals.push(isSameError && (result.isError || isSameText))
  }
  return equals
}

async function verdict(shop: Shop, run: Run, worlds: { run: string; gold: string }) {
  for (const action of run.task.evaluation_criteria.actions ?? []) {
    if (action.requestor !== 'assistant') continue
    await runTool(shop, { world: worlds.gold, tool: action.name, arguments: action.arguments })
  }
  return (await worldDigest(shop, worlds.run)) === (await worldDigest(shop, worlds.gold))
}

function count(values: boolean[]): string {
  return `${values.filter(Boolean).length} of ${values.length}`
}

const skip =
  skipWithoutDatabase ||
  (!existsSync(RECORDING) && `the recordings are not in ${SHARED} (set AIRWORTHY_SHARED)`)

it(
  'answers 896 of 896 recorded calls and judges 113 of 113 runs as recorded',
  { skip },
  async (t) => {
    await using database = await createTestDatabase()
    await using shop = await openShop({ databaseUrl: database.url })
    await seedShop(shop, { name: 'tau2', source: { kind: 'tau2', directory: DATABASE_DIRECTORY } })
    const results: boolean[] = []
    const verdicts: boolean[] = []
    for (const [index, run] of (await readRuns()).entries()) {
      const worlds = { run: `run-${index}`, gold: `gold-${index}` }
      await createWorld(shop, worlds.run, 'tau2')
      results.push(...(await replayResults(shop, run, worlds.run)))
      const recorded = run.reward_info?.db_check?.db_match
      if (recorded === undefined) continue
      await createWorld(shop, worlds.gold, 'tau2')
      verdicts.push((await verdict(shop, run, worlds)) === recorded)
    }
    t.diagnostic(`results equal: ${count(results)}; verdicts equal: ${count(verdicts)}`)
    assert.equal(count(results), '896 of 896')
    assert.equal(count(verdicts), '113 of 113')
  },
)
