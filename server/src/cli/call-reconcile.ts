// airworthy call reconcile: what model calls used whose end nobody knows.
import type { ReconcileAs, ReconcileCalls, Reconciliation } from '@airworthy/sdk'
import { type Command, Option } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { readDuration } from './duration.ts'
import { UsageError } from './failure.ts'
import { dollars, note, printJson, printTable, shortTime } from './terminal.ts'

type Options = {
  readonly reason: string
  readonly as?: ReconcileAs
  readonly inputTokens?: string
  readonly cachedTokens?: string
  readonly outputTokens?: string
  readonly cost?: string
  readonly olderThan?: string
  readonly agent?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
}

/** Pages of one command: more than that is asked for again. */
const pagesMax = 100

export function addCallReconcileCommand(call: Command): void {
  call
    .command('reconcile')
    .description('settle model calls whose use nobody knows: one call, or all that are older')
    .argument('[call]', 'its id; without it --older-than')
    .requiredOption('--reason <text>', 'how it was found out; do not name a person in it')
    .addOption(
      new Option(
        '--as <as>',
        'estimate: what is certain; worst: all that is held; zero: no more than what is certain',
      ).choices(['estimate', 'worst', 'zero']),
    )
    .option('--input-tokens <count>', 'what the one call used, as the provider says')
    .option('--cached-tokens <count>', 'how many of them were read from a cache')
    .option('--output-tokens <count>')
    .option('--cost <usd>', 'what it cost; else it is priced as its pact says')
    .option('--older-than <duration>', 'all that are unknown for so long: 15m, 24h, 7d')
    .option('--agent <agent>', 'with --older-than: of one agent; lost leases are left out then')
    .option('--dry-run', 'only show; with --older-than the default')
    .option('--yes', 'with --older-than: settle them')
    .action((id: string | undefined, options: Options, command: Command) =>
      reconcile(id, options, command),
    )
}

async function reconcile(
  id: string | undefined,
  options: Options,
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const request = id === undefined ? requestOfMany(options) : requestOfOne(id, options)
  const client = await connect(globals)
  let found = await client.reconcileCalls(request)
  const pages = [found]
  while (!found.dryRun && found.more && pages.length < pagesMax) {
    found = await client.reconcileCalls(request)
    pages.push(found)
  }
  const all: Reconciliation = {
    dryRun: found.dryRun,
    calls: pages.flatMap((page) => page.calls),
    leases: pages.flatMap((page) => page.leases),
    more: found.more,
  }
  if (globals.json === true) {
    printJson(all)
    return
  }
  printReconciliation(all)
  if (all.dryRun && id === undefined) note('Say --yes to settle them.')
}

function requestOfMany(options: Options): ReconcileCalls {
  const { olderThan, as, agent, reason } = options
  if (olderThan === undefined) {
    throw new UsageError('name a call, or say --older-than <duration> for all that are older')
  }
  const isReported = [options.inputTokens, options.outputTokens, options.cachedTokens, options.cost]
  if (isReported.some((option) => option !== undefined)) {
    throw new UsageError('tokens and --cost are of one call: name it')
  }
  if (as === undefined) throw new UsageError('say --as estimate, worst or zero')
  return {
    reason,
    as,
    olderThanSeconds: readDuration('--older-than', olderThan),
    dryRun: options.yes !== true || options.dryRun === true,
    ...(agent === undefined ? {} : { agent }),
  }
}

function requestOfOne(call: string, options: Options): ReconcileCalls {
  const { as, inputTokens, cachedTokens, outputTokens, cost, reason, dryRun = false } = options
  if (options.olderThan !== undefined || options.agent !== undefined) {
    throw new UsageError('--older-than and --agent are for all calls: leave the id out')
  }
  if (as !== undefined) {
    if (inputTokens !== undefined || outputTokens !== undefined || cost !== undefined) {
      throw new UsageError('give either --as, or what the call used')
    }
    return { call, as, reason, dryRun }
  }
  if (inputTokens === undefined || outputTokens === undefined) {
    throw new UsageError('give --input-tokens and --output-tokens, or --as')
  }
  return {
    call,
    reason,
    dryRun,
    usage: {
      promptTokens: count('--input-tokens', inputTokens),
      completionTokens: count('--output-tokens', outputTokens),
      ...(cachedTokens === undefined
        ? {}
        : { cachedTokens: count('--cached-tokens', cachedTokens) }),
    },
    ...(cost === undefined ? {} : { costUsd: cost }),
  }
}

function count(option: string, text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text)
  throw new UsageError(`${option} must be a whole number, but is ${JSON.stringify(text)}`)
}

function printReconciliation({ calls, leases, dryRun, more }: Reconciliation): void {
  printTable(
    ['CALL', 'AGENT', 'MODEL', 'UNKNOWN SINCE', 'HELD', 'HELD TOKENS', 'SETTLED', 'TOKENS'],
    calls.map((call) => [
      call.id,
      call.agent,
      call.model,
      shortTime(call.unknownSince),
      dollars(call.held.costNanoUsd),
      call.held.tokens,
      dollars(call.used.costNanoUsd),
      call.used.tokens,
    ]),
  )
  if (leases.length > 0) {
    printTable(
      ['LEASE', 'LEDGER', 'LOST', 'HELD', 'HELD TOKENS', 'HELD CALLS'],
      leases.map((lease) => [
        lease.id,
        lease.ledgerId,
        shortTime(lease.lostAt),
        dollars(lease.amounts.costNanoUsd),
        lease.amounts.tokens,
        lease.amounts.calls,
      ]),
    )
  }
  const what = `${calls.length} calls and ${leases.length} lost leases`
  note(dryRun ? `${what} would be settled. Nothing is yet.` : `${what} are settled.`)
  if (more) note('More wait: ask again.')
}
