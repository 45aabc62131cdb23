// airworthy prices list | find | check | override | cost
import type { ListedPrice, PriceCheck, PriceDifference, PriceList } from '@airworthy/sdk'
import { type Command, Option } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { exitCodes, UsageError } from './failure.ts'
import { addPricesCost } from './prices-cost.ts'
import { note, printJson, printLine, printTable, shortTime } from './terminal.ts'
import { readTextFile } from './text-file.ts'

export function addPricesCommands(program: Command): void {
  const prices = program.command('prices').description('what models cost')
  prices
    .command('list')
    .description('list known prices: overrides, then the catalogue')
    .argument('[model]', 'a part of the name')
    .option('--provider <provider>', 'only of this provider')
    .action((model: string | undefined, options: ListOptions, command: Command) =>
      list(model, options, command),
    )
  prices
    .command('check')
    .description('compare the prices in use, and the overrides, with the catalogue')
    .option('--strict', 'end with 2 where a price differs or is not known')
    .action((options: CheckOptions, command: Command) => check(options, command))
  addOverride(prices)
  addPricesCost(prices)
}

type ListOptions = { readonly provider?: string }
type CheckOptions = { readonly strict?: boolean }

/** One page is more than a person reads. */
const listedMax = 1000

async function list(
  model: string | undefined,
  options: ListOptions,
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const query = { ...options, ...(model === undefined ? {} : { model }), limit: listedMax }
  const all: ListedPrice[] = []
  let page = await client.listPrices(query)
  all.push(...page.prices)
  while (globals.json === true && page.next !== null) {
    page = await client.listPrices({ ...query, after: page.next })
    all.push(...page.prices)
  }
  if (globals.json === true) {
    printJson({ catalogue: page.catalogue, prices: all })
    return
  }
  printTable(
    ['provider', 'model', 'source', 'input', 'cached', 'output', 'more'],
    all.map((one) => [
      one.provider,
      one.model,
      one.source,
      one.prices.inputPerMillionUsd,
      one.prices.cachedInputPerMillionUsd,
      one.prices.outputPerMillionUsd,
      moreOf(one),
    ]),
  )
  if (all.length === 0) {
    note('nobody lists such a model: "airworthy prices override --help" says how to give it prices')
  }
  if (page.next !== null) note(`the first ${listedMax} are shown: name a model or a provider`)
  note(`US dollars for a million tokens; ${page.catalogue.edition}`)
}

/** What the columns leave out. */
function moreOf({ prices, notCounted }: ListedPrice): string {
  const { tiers = [], perCallUsd, cacheWritePerMillionUsd, reasoningPerMillionUsd } = prices
  const parts = [
    ...tiers.map((tier) => `over ${tier.abovePromptTokens}: ${tier.inputPerMillionUsd}`),
    ...(cacheWritePerMillionUsd === undefined ? [] : [`cache write ${cacheWritePerMillionUsd}`]),
    ...(reasoningPerMillionUsd === undefined ? [] : [`reasoning ${reasoningPerMillionUsd}`]),
    ...(perCallUsd === undefined ? [] : [`a call ${perCallUsd}`]),
    ...(notCounted.length === 0 ? [] : [`not counted: ${notCounted.join(', ')}`]),
  ]
  return parts.join('; ')
}

async function check(options: CheckOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const found = await client.checkPrices()
  if (globals.json === true) printJson(found)
  else printCheck(found)
  const isGood = [...found.models, ...found.overrides].every(
    ({ state }) => state !== 'differs' && state !== 'unknown',
  )
  if (options.strict === true && !isGood) process.exitCode = exitCodes.gateFailed
}

function printCheck({ catalogue, models, overrides }: PriceCheck): void {
  printTable(
    ['agent', 'model', 'endpoint', 'provider', 'price from', 'state', 'differences'],
    models.map((one) => [
      one.agent,
      one.model,
      one.endpoint,
      one.provider,
      one.source,
      one.state,
      differencesText(one.differences),
    ]),
  )
  if (overrides.length > 0) {
    printLine()
    printTable(
      ['override', 'set', 'used by', 'state', 'differences'],
      overrides.map((one) => [
        `${one.provider}/${one.model}`,
        shortTime(one.setAt),
        one.uses,
        one.state,
        differencesText(one.differences),
      ]),
    )
  }
  if (models.length === 0) note('no agent with a model is enrolled yet')
  note(`compared with ${catalogue.edition}, ${catalogue.hash.slice(0, 12)}`)
}

function differencesText(differences: readonly PriceDifference[]): string {
  return differences
    .map(({ price, used, catalogue }) => `${price} ${used ?? '-'} (list ${catalogue ?? '-'})`)
    .join(', ')
}

type OverrideOptions = {
  readonly input?: string
  readonly cachedInput?: string
  readonly cacheWrite?: string
  readonly output?: string
  readonly reasoning?: string
  readonly file?: string
  readonly remove?: boolean
}

function addOverride(prices: Command): void {
  prices
    .command('override')
    .description('set what a model costs, over the catalogue; or remove that')
    .argument('<provider/model>', 'as the provider names it: openai/gpt-4.1')
    .option('--input <usd>', 'for a million tokens')
    .option('--cached-input <usd>', 'for a million tokens read from a cache')
    .option('--cache-write <usd>', 'for a million tokens written to a cache')
    .option('--output <usd>', 'for a million tokens')
    .option('--reasoning <usd>', 'for a million tokens of reasoning')
    .addOption(
      new Option(
        '--file <file>',
        'prices as JSON, as a manifest has them; - is standard input',
      ).conflicts(['input', 'output']),
    )
    .option('--remove', "the catalogue's price counts again")
    .action((name: string, options: OverrideOptions, command: Command) =>
      override(name, options, command),
    )
}

async function override(name: string, options: OverrideOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const [, provider, model] = /^([^/]+)\/(.+)$/.exec(name) ?? []
  if (provider === undefined || model === undefined) {
    throw new UsageError(`${name}: name the provider and the model, as in openai/gpt-4.1`)
  }
  const isRemoved = options.remove === true
  const given = isRemoved ? undefined : await pricesOf(options)
  const client = await connect(globals)
  const done =
    given === undefined
      ? await client.removePriceOverride({ provider, model })
      : await client.setPriceOverride({ provider, model, prices: given })
  if (globals.json === true) printJson(done)
  else
    printLine(isRemoved ? `${name} costs what the catalogue says` : `the price of ${name} is set`)
}

async function pricesOf(options: OverrideOptions): Promise<PriceList> {
  const { input, output, cachedInput, cacheWrite, reasoning, file } = options
  if (file !== undefined) return parsePrices(await readTextFile(file))
  if (input === undefined || output === undefined) {
    throw new UsageError('give --input and --output, or --file, or --remove')
  }
  return {
    inputPerMillionUsd: input,
    outputPerMillionUsd: output,
    ...(cachedInput === undefined ? {} : { cachedInputPerMillionUsd: cachedInput }),
    ...(cacheWrite === undefined ? {} : { cacheWritePerMillionUsd: cacheWrite }),
    ...(reasoning === undefined ? {} : { reasoningPerMillionUsd: reasoning }),
  }
}

/** The server checks what the file says. */
function parsePrices(text: string): PriceList {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new UsageError('the file of prices is no JSON')
  }
  if (isPriceList(value)) return value
  throw new UsageError('the file names no inputPerMillionUsd and outputPerMillionUsd')
}

function isPriceList(value: unknown): value is PriceList {
  if (typeof value !== 'object' || value === null) return false
  return 'inputPerMillionUsd' in value && 'outputPerMillionUsd' in value
}
