// airworthy cache stats | purge | live | shadow | review | check
import type { CachePair, CacheStanding } from '@airworthy/sdk'
import { type Command, Option } from 'commander'
import { addCacheCheckCommand } from './cache-check.ts'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { readAll } from './pages.ts'
import { note, printFields, printJson, printLine, printTable, shortTime } from './terminal.ts'

type ReviewOptions = {
  readonly agent?: string
  readonly verdict: CachePair['verdict']
  readonly show?: boolean
  readonly agree?: boolean
  readonly differ?: boolean
  readonly reason?: string
}

export function addCacheCommands(program: Command): void {
  const cache = program.command('cache').description('replies of models that are given again')
  cache
    .command('stats')
    .description('what the caches hold, and how the semantic ones stand')
    .option('--agent <agent>', 'its id or name')
    .action((options: { agent?: string }, command: Command) => stats(options, command))
  cache
    .command('purge')
    .description("empty an agent's cache")
    .argument('<agent>', 'its id or name')
    .option('--model <model>', 'of one model only')
    .action((agent: string, options: { model?: string }, command: Command) =>
      purge({ agent, ...options }, command),
    )
  for (const mode of ['live', 'shadow'] as const) {
    cache
      .command(mode)
      .description(mode === 'live' ? 'let a semantic cache answer' : 'let it only watch')
      .argument('<agent>', 'its id or name')
      .argument('<model>')
      .option('--make <make>', 'where there is evidence of several')
      .action((agent: string, model: string, options: { make?: string }, command: Command) =>
        setMode({ agent, model, mode, ...options }, command),
      )
  }
  cache
    .command('review')
    .description('list pairs that nobody is sure about, show one, or say what it is')
    .argument('[pair]', 'its id')
    .option('--agent <agent>', 'of one agent')
    .addOption(
      new Option('--verdict <verdict>').choices(['agree', 'differ', 'unsure']).default('unsure'),
    )
    .option('--show', 'open the questions and replies of both calls; that is logged')
    .option('--agree', 'the cached reply would have done')
    .option('--differ', 'it would not')
    .option('--reason <text>', 'why they are opened; an auditor must say it')
    .action((pair: string | undefined, options: ReviewOptions, command: Command) =>
      review(pair, { options, command }),
    )
  addCacheCheckCommand(cache)
}

async function stats(query: { readonly agent?: string }, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const found = await (await connect(globals)).getCache(query)
  if (globals.json === true) {
    printJson(found)
    return
  }
  printTable(
    ['AGENT', 'MODEL', 'REPLIES', 'BYTES', 'HITS'],
    found.models.map((each) => [each.agent, each.model, each.entries, each.bytes, each.hits]),
  )
  if (found.models.length === 0) {
    note('Nothing is cached. A model has a cache where its manifest says so: cache: {}')
  }
  if (found.standings.length === 0) return
  printLine()
  const names = new Map(found.models.map((each) => [each.agentId, each.agent]))
  printTable(
    ['AGENT', 'MODEL', 'MODE', 'AGREE', 'DIFFER', 'UNSURE', 'RATE BELOW', 'BUDGET', 'MAKE'],
    found.standings.map((each) => [
      // Of a cache that is empty only the id is told.
      names.get(each.agentId) ?? each.agentId,
      each.model,
      each.mode,
      each.agree,
      each.differ,
      each.unsure,
      percent(each.upperBound),
      percent(each.falseHitRateMax),
      each.make,
    ]),
  )
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`
}

async function purge(
  request: { readonly agent: string; readonly model?: string },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const purged = await (await connect(globals)).purgeCache(request)
  if (globals.json === true) printJson(purged)
  else printLine(`${purged.entries} replies are gone`)
}

async function setMode(
  request: {
    readonly agent: string
    readonly model: string
    readonly mode: 'live' | 'shadow'
    readonly make?: string
  },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const standing = await (await connect(globals)).setCacheMode(request)
  if (globals.json === true) printJson(standing)
  else printStanding(standing)
}

function printStanding(standing: CacheStanding): void {
  printFields({
    model: standing.model,
    mode: standing.mode,
    'false hits below': percent(standing.upperBound),
    budget: percent(standing.falseHitRateMax),
  })
}

async function review(
  pairId: string | undefined,
  { options, command }: { options: ReviewOptions; command: Command },
): Promise<void> {
  if (pairId === undefined) {
    await listPairs(options, command)
    return
  }
  const { agree = false, differ = false, show = false } = options
  if ([agree, differ, show].filter(Boolean).length !== 1) {
    throw new UsageError('say one of --show, --agree and --differ')
  }
  const globals = globalOptions(command)
  const client = await connect(globals, options.reason)
  if (!show) {
    const verdict = agree ? 'agree' : 'differ'
    const pair = await client.reviewCachePair(pairId, { verdict })
    if (globals.json === true) printJson(pair)
    else printLine(`${pair.id}: ${pair.verdict}`)
    return
  }
  const pairs = await pairsOf({ ...options, command })
  const pair = pairs.find((each) => each.id === pairId)
  if (pair === undefined) throw new UsageError(`no ${options.verdict} pair has the id ${pairId}`)
  const texts: Record<string, string | null> = {}
  const calls = { cached: pair.cachedCallId, real: pair.callId }
  for (const [name, callId] of Object.entries(calls)) {
    for (const part of ['request', 'response'] as const) {
      texts[`${name} ${part}`] = (await client.readPayload(callId, { part })).text
    }
  }
  if (globals.json === true) printJson({ pair, ...texts })
  else printFields(texts)
}

async function pairsOf(
  query: Pick<ReviewOptions, 'agent' | 'verdict'> & { readonly command: Command },
): Promise<CachePair[]> {
  const client = await connect(globalOptions(query.command))
  const agent = query.agent === undefined ? {} : { agent: query.agent }
  return readAll(async (after) => {
    const page = await client.listCachePairs({ verdict: query.verdict, ...agent, ...after })
    return { items: page.pairs, next: page.next }
  })
}

async function listPairs(options: ReviewOptions, command: Command): Promise<void> {
  const pairs = await pairsOf({ ...options, command })
  if (globalOptions(command).json === true) {
    printJson({ pairs })
    return
  }
  printTable(
    ['PAIR', 'AGENT', 'MODEL', 'VERDICT', 'KIND', 'LIKE', 'CACHED CALL', 'REAL CALL', 'MADE'],
    pairs.map((each) => [
      each.id,
      each.agent,
      each.model,
      each.verdict,
      each.kind,
      each.similarity.toFixed(3),
      each.cachedCallId,
      each.callId,
      shortTime(each.createdAt),
    ]),
  )
  if (pairs.length > 0) return
  note(
    `There are no ${options.verdict} pairs. "airworthy cache stats" says how semantic caches stand.`,
  )
}
