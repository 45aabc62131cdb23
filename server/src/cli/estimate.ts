// airworthy estimate: what an agent will cost, before it is deployed.
import type { ModelUse } from '@airworthy/sdk'
import { type Command, InvalidArgumentError } from 'commander'
import type { Averages } from '../core/pricing/estimate.ts'
import { connect, globalOptions, type GlobalOptions } from './connection.ts'
import { type CallsByModel, estimateSessions, type SessionCalls } from './estimate-records.ts'
import { printDeclared, printRecorded } from './estimate-text.ts'
import { UsageError } from './failure.ts'
import { readAll } from './pages.ts'
import { estimateDeclared } from '../core/pricing/estimate.ts'
import { openPriceSource } from './price-source.ts'
import { collect } from './prices-cost.ts'
import { readRecordedFile } from './recorded-file.ts'

type EstimateOptions = {
  readonly model: readonly string[]
  readonly rate: readonly string[]
  readonly offline?: boolean
  readonly recorded: readonly string[]
  readonly role?: string
  readonly agent?: string
  readonly from?: string
  readonly to?: string
  readonly sessionsPerDay?: number
  readonly systemTokens: number
  readonly contextTokens: number
  readonly queryTokens: number
  readonly outputTokens: number
  readonly resultTokens: number
  readonly steps: number
  readonly cached: number
  readonly margin: Averages['marginPercent']
}

export function addEstimateCommand(program: Command): void {
  program
    .command('estimate')
    .description('what an agent will cost: from recorded calls, or from declared averages')
    .option('--model <model>', 'openai/gpt-4.1; repeat it to compare', collect, [])
    .option('--rate <model=rates>', 'prices of a model: input,cached,output; or free', collect, [])
    .option('--offline', 'use the catalogue of this program; ask no server for prices')
    .option('--recorded <file>', 'recorded calls or runs, JSON lines (also .gz)', collect, [])
    .option('--role <role>', 'of recorded runs: only calls of this role')
    .option('--agent <agent>', 'calls that the server recorded of an agent')
    .option('--from <time>', 'recorded calls since then')
    .option('--to <time>', 'recorded calls before then')
    .option('--sessions-per-day <count>', 'default: as recorded', parseNumber)
    .option('--system-tokens <count>', 'of the system prompt and the tools', parseCount, 0)
    .option('--context-tokens <count>', 'what is retrieved or remembered', parseCount, 0)
    .option('--query-tokens <count>', 'what a user asks', parseCount, 0)
    .option('--output-tokens <count>', 'of a reply', parseCount, 0)
    .option('--result-tokens <count>', 'what a tool adds to the steps after it', parseCount, 0)
    .option('--steps <count>', 'model calls in a session', parseCount, 1)
    .option(
      '--cached <percent>',
      'of a prompt, read from the cache of the provider',
      parsePercent,
      0,
    )
    .option('--margin <percent>', 'what loops add: 25, or from 20 to 30 as 20-30', parseMargin, {
      low: 20,
      high: 30,
    })
    .action((options: EstimateOptions, command: Command) => estimate(options, command))
}

async function estimate(options: EstimateOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const isRecorded = options.recorded.length > 0 || options.agent !== undefined
  if (options.recorded.length > 0 && options.agent !== undefined) {
    throw new UsageError('give either --recorded or --agent')
  }
  if (isRecorded) await fromRecords(options, globals)
  else await fromAverages(options, globals)
}

async function fromAverages(options: EstimateOptions, globals: GlobalOptions): Promise<void> {
  const { model: models, margin, cached, sessionsPerDay = 1, ...tokens } = options
  const prompt = tokens.systemTokens + tokens.contextTokens + tokens.queryTokens
  if (prompt === 0 || tokens.outputTokens === 0) {
    throw new UsageError(
      'give --recorded <file>, or --agent <agent>, or averages: --system-tokens, ' +
        '--context-tokens, --query-tokens and --output-tokens',
    )
  }
  if (models.length === 0) throw new UsageError('give --model <model>, once or more')
  const source = await openPriceSource(globals, options)
  const averages: Averages = {
    ...tokens,
    sessionsADay: sessionsPerDay,
    cachedPercent: cached,
    marginPercent: margin,
  }
  const rows = []
  for (const model of models) {
    const prices = await source.find(model)
    rows.push({ model, prices, estimate: estimateDeclared(averages, prices) })
  }
  printDeclared(rows, averages, globals.json === true)
}

async function fromRecords(options: EstimateOptions, globals: GlobalOptions): Promise<void> {
  const calls =
    options.agent === undefined
      ? await callsOfFiles(options)
      : await callsOfAgent(globals, options, options.agent)
  if (calls.sessions.length === 0) throw new UsageError('there are no recorded calls with usage')
  const source = await openPriceSource(globals, options)
  const result = await estimateSessions(calls, {
    source,
    models: options.model,
    sessionsPerDay: options.sessionsPerDay,
  })
  printRecorded(result, globals.json === true)
}

async function callsOfFiles({ recorded, role }: EstimateOptions): Promise<SessionCalls> {
  const sessions = new Map<string, CallsByModel[]>()
  const times: number[] = []
  for (const file of recorded) {
    for await (const call of readRecordedFile(file)) {
      if (role !== undefined && call.role !== role) continue
      if (call.atMs !== undefined) times.push(call.atMs)
      const key = `${file}\0${call.session}`
      const made = sessions.get(key) ?? []
      made.push({ model: call.model, usage: call.usage })
      sessions.set(key, made)
    }
  }
  return { sessions: [...sessions.values()], days: daysOf(times) }
}

async function callsOfAgent(
  globals: GlobalOptions,
  options: EstimateOptions,
  agent: string,
): Promise<SessionCalls> {
  const client = await connect(globals)
  const range = {
    ...(options.from === undefined ? {} : { from: timeOf(options.from) }),
    ...(options.to === undefined ? {} : { to: timeOf(options.to) }),
  }
  const calls = await readAll<ModelUse>(async (page) => {
    const { calls: items, next } = await client.listModelUse({ agent, ...range, ...page })
    return { items, next }
  })
  const sessions = Map.groupBy(calls, (call) => call.sessionId)
  return {
    sessions: [...sessions.values()].map((made) =>
      made.map((call) => ({ model: modelName(call), usage: call })),
    ),
    days: daysOf(calls.map((call) => Date.parse(call.at))),
  }
}

function modelName({ provider, upstreamModel }: ModelUse): string {
  return provider === null ? upstreamModel : `${provider}/${upstreamModel}`
}

const dayMs = 86_400_000

/** From the first call to the last, at least one day; undefined where no time is recorded. */
function daysOf(times: readonly number[]): number | undefined {
  if (times.length === 0) return undefined
  let [first, last] = [Infinity, -Infinity]
  for (const time of times) {
    first = Math.min(first, time)
    last = Math.max(last, time)
  }
  return Math.max(1, (last - first) / dayMs)
}

function timeOf(text: string): string {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw new UsageError(`${text} is no time`)
  return new Date(ms).toISOString()
}

function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('give a whole number')
  return Number(text)
}

function parseNumber(text: string): number {
  if (!/^\d{1,9}(\.\d{1,6})?$/.test(text)) throw new InvalidArgumentError('give a number')
  return Number(text)
}

function parsePercent(text: string): number {
  const percent = parseNumber(text.replace(/%$/, ''))
  if (percent > 100) throw new InvalidArgumentError('give a percentage up to 100')
  return percent
}

/** `25` is from nothing to 25 per cent. */
function parseMargin(text: string): Averages['marginPercent'] {
  const [, low = '', high] = /^(\d{1,3})(?:-(\d{1,3}))?%?$/.exec(text) ?? []
  if (low === '' || Number(high ?? low) < Number(low)) {
    throw new InvalidArgumentError('give a percentage such as 25, or two such as 20-30')
  }
  return high === undefined
    ? { low: 0, high: Number(low) }
    : { low: Number(low), high: Number(high) }
}
