// airworthy audit search | payload | accesses
import type { CallSearch, FoundCall } from '@airworthy/sdk'
import { type Command, Option } from 'commander'
import { currencyDecimals, decimalToUnits } from '../core/effect/amount.ts'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { readAll } from './pages.ts'
import { money, printJson, printLine, printTable, shortTime } from './terminal.ts'

type SearchOptions = {
  readonly agent?: string
  readonly agentVersion?: string
  readonly session?: string
  readonly tool?: string
  readonly decision?: 'allow' | 'hold' | 'deny'
  readonly code?: string
  readonly min?: string
  readonly max?: string
  readonly currency?: string
  readonly from?: string
  readonly to?: string
  readonly limit: string
}

export function addAuditSearchCommands(audit: Command): void {
  audit
    .command('search')
    .description('find calls, the newest first')
    .option('--agent <agent>', 'its id or name')
    .option('--agent-version <id>', 'a version of an agent')
    .option('--session <id>')
    .option('--tool <server/tool>', 'or the name of a model')
    .addOption(new Option('--decision <verdict>').choices(['allow', 'hold', 'deny']))
    .option('--code <code>', 'why it was refused, or how it failed')
    .option('--min <amount>', 'such as 25.00; with --currency')
    .option('--max <amount>')
    .option('--currency <code>')
    .option('--from <time>', 'such as 2026-11-22T00:00:00Z')
    .option('--to <time>', 'not included')
    .option('--limit <count>', 'at most so many', '100')
    .action((options: SearchOptions, command: Command) => search(options, command))
  audit
    .command('payload')
    .description('open the request or response of a call; that is logged first')
    .argument('<call>', 'its id')
    .addOption(new Option('--part <part>').choices(['request', 'response']).default('request'))
    .option('--reason <text>', 'why; an auditor must say it')
    .action(
      (
        call: string,
        options: { part: 'request' | 'response'; reason?: string },
        command: Command,
      ) => payload(call, options, command),
    )
  audit
    .command('accesses')
    .description('list who read payloads or the log, and why')
    .option('--call <id>', 'of one call')
    .action((options: { call?: string }, command: Command) => accesses(options, command))
}

async function search(options: SearchOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const limit = Number(options.limit)
  if (!Number.isInteger(limit) || limit < 1) throw new UsageError('--limit takes a whole number')
  const client = await connect(globals)
  const filter = filterOf(options)
  const calls: FoundCall[] = []
  let after: string | undefined
  do {
    const page = { limit: Math.min(1_000, limit - calls.length) }
    const found = await client.searchCalls({
      ...filter,
      ...page,
      ...(after === undefined ? {} : { after }),
    })
    calls.push(...found.calls)
    after = found.next ?? undefined
  } while (after !== undefined && calls.length < limit)
  if (globals.json === true) {
    printJson({ calls, next: after ?? null })
    return
  }
  printTable(
    ['CALL', 'MADE', 'AGENT', 'ACTION', 'DECISION', 'STATE', 'AMOUNT', 'ENTRY'],
    calls.map((call) => [
      call.id,
      shortTime(call.createdAt),
      call.agent,
      call.action,
      call.verdict,
      call.code === null ? call.state : `${call.state} (${call.code})`,
      money(call.amount),
      call.intentSeq === null ? '-' : `${call.logId}:${call.intentSeq}`,
    ]),
  )
}

function filterOf(options: SearchOptions): CallSearch {
  const {
    agent,
    agentVersion: version,
    session,
    tool,
    decision,
    code,
    min,
    max,
    currency,
    from,
    to,
  } = options
  const given: CallSearch = {
    ...(agent === undefined ? {} : { agent }),
    ...(version === undefined ? {} : { version }),
    ...(session === undefined ? {} : { session }),
    ...(tool === undefined ? {} : { action: tool }),
    ...(decision === undefined ? {} : { decision }),
    ...(code === undefined ? {} : { code }),
    ...(min === undefined ? {} : { amountMin: minorUnits(min, currency) }),
    ...(max === undefined ? {} : { amountMax: minorUnits(max, currency) }),
    ...(currency === undefined ? {} : { currency }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  }
  return given
}

/** How much it is in minor units is another number for each currency. */
function minorUnits(text: string, currency: string | undefined): string {
  if (currency === undefined) throw new UsageError('--min and --max need --currency')
  const decimals = currencyDecimals(currency)
  if (decimals === undefined) throw new UsageError(`the decimals of ${currency} are not known`)
  const units = decimalToUnits(text, decimals)
  if (units !== undefined) return String(units)
  const most = decimals === 0 ? 'no decimals' : `at most ${decimals} decimals`
  throw new UsageError(`an amount of ${currency} is a number with ${most}, not ${text}`)
}

async function payload(
  call: string,
  options: { readonly part: 'request' | 'response'; readonly reason?: string },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals, options.reason)
  const opened = await client.readPayload(call, { part: options.part })
  if (globals.json === true) printJson(opened)
  else printLine(opened.text ?? 'there is none, or it was erased')
}

async function accesses(options: { readonly call?: string }, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const found = await readAll(async (after) => {
    const page = await client.listAccesses({ ...after, ...options })
    return { items: page.accesses, next: page.next }
  })
  if (globals.json === true) {
    printJson({ accesses: found })
    return
  }
  printTable(
    ['AT', 'WHO', 'WHAT', 'CALL', 'REASON', 'ENTRY'],
    found.map((access) => [
      shortTime(access.at),
      access.operator,
      `${access.kind} ${access.operation}`,
      access.call ?? (access.calls.length === 0 ? null : `${access.calls.length} calls`),
      access.reason,
      `${access.logId}:${access.seq}`,
    ]),
  )
}
