// airworthy asset add | list, airworthy quote set | list
import type { Quote } from '@airworthy/sdk'
import type { Command } from 'commander'
import { majorText } from '../core/money/asset.ts'
import { connect, globalOptions } from './connection.ts'
import { durationText, readDuration } from './duration.ts'
import { UsageError } from './failure.ts'
import { note, printJson, printLine, printTable, shortTime } from './terminal.ts'

export function addAssetCommands(program: Command): void {
  const asset = program.command('asset').description('assets that are no currency of ISO 4217')
  asset
    .command('add')
    .description('register an asset: its decimals never change')
    .argument('<asset>', 'CAIP-19, such as eip155:8453/erc20:0x…')
    .requiredOption('--decimals <count>', 'how many decimals its units have')
    .action((name: string, options: { decimals: string }, command: Command) =>
      addAsset(name, options, command),
    )
  asset
    .command('list')
    .description('list them')
    .action((_, command: Command) => listAssets(command))
  const quote = program.command('quote').description('what one asset is worth in another')
  quote
    .command('set')
    .description('set what one unit is worth; what lets more money out takes two people')
    .argument('<pair>', 'EUR/USD; assets with slashes: --base and --quoted')
    .argument('<rate>', 'such as 1.0842')
    .requiredOption('--source <text>', 'who says so')
    .option('--base <asset>', 'instead of the pair')
    .option('--quoted <asset>', 'instead of the pair')
    .option('--at <time>', 'when it was true, RFC 3339 (default: now)')
    .option('--max-age <duration>', 'how long it may be used (default: 24h)')
    .action((pair: string, rate: string, options: QuoteOptions, command: Command) =>
      setQuote({ pair, rate, ...options }, command),
    )
  quote
    .command('list')
    .description('list the newest of each pair')
    .action((_, command: Command) => listQuotes(command))
}

async function addAsset(
  asset: string,
  options: { readonly decimals: string },
  command: Command,
): Promise<void> {
  if (!/^\d{1,2}$/.test(options.decimals)) {
    throw new UsageError(`--decimals must be a number, but is ${JSON.stringify(options.decimals)}`)
  }
  const globals = globalOptions(command)
  const client = await connect(globals)
  const added = await client.addAsset({ asset, decimals: Number(options.decimals) })
  if (globals.json === true) printJson(added)
  else printLine(`${added.asset} has ${added.decimals} decimals`)
}

async function listAssets(command: Command): Promise<void> {
  const globals = globalOptions(command)
  const { assets } = await (await connect(globals)).listAssets()
  if (globals.json === true) {
    printJson({ assets })
    return
  }
  printTable(
    ['ASSET', 'DECIMALS', 'ADDED'],
    assets.map((each) => [each.asset, String(each.decimals), shortTime(each.addedAt)]),
  )
}

type QuoteOptions = {
  readonly source: string
  readonly base?: string
  readonly quoted?: string
  readonly at?: string
  readonly maxAge?: string
}

async function setQuote(
  options: QuoteOptions & { readonly pair: string; readonly rate: string },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const [base = '', quoted = '', ...more] = options.pair.split('/')
  const isNamed = options.base !== undefined && options.quoted !== undefined
  if (!isNamed && (more.length > 0 || base === '' || quoted === '')) {
    throw new UsageError(
      'the pair must be two currencies such as EUR/USD, or give --base, --quoted',
    )
  }
  const client = await connect(globals)
  const { quote, proposal } = await client.setQuote({
    base: options.base ?? base,
    quoted: options.quoted ?? quoted,
    rate: options.rate,
    source: options.source,
    ...(options.at === undefined ? {} : { at: options.at }),
    ...(options.maxAge === undefined
      ? {}
      : { maxAgeSeconds: readDuration('--max-age', options.maxAge) }),
  })
  if (globals.json === true) {
    printJson({ quote, proposal })
    return
  }
  printLine(
    quote === null
      ? 'the pair has no quote yet, and nothing is converted'
      : `1 ${quote.base} counts as ${decimalOf(quote)} ${quote.quoted}`,
  )
  if (proposal === null) return
  note(
    'The first quote of a pair, and one by which money counts for a tenth less, take two people: ' +
      `another operator confirms with "airworthy proposal confirm ${proposal}".`,
  )
}

/** Rates are set as decimals, so that the denominator is a power of ten. */
function decimalOf({ numerator, denominator }: Quote): string {
  return majorText(BigInt(numerator), denominator.length - 1)
}

async function listQuotes(command: Command): Promise<void> {
  const globals = globalOptions(command)
  const { quotes } = await (await connect(globals)).listQuotes()
  if (globals.json === true) {
    printJson({ quotes })
    return
  }
  printTable(
    ['BASE', 'QUOTED', 'RATE', 'AT', 'FOR', 'FRESH', 'SOURCE'],
    quotes.map((each) => [
      each.base,
      each.quoted,
      decimalOf(each),
      shortTime(each.at),
      durationText(each.maxAgeSeconds),
      each.isFresh ? 'yes' : 'no',
      each.source,
    ]),
  )
  if (quotes.some((each) => !each.isFresh)) note('What is not fresh converts nothing.')
}
