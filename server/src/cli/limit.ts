// airworthy limit list | show | set | remove, and those of ./limit-authorisations.ts
import { AirworthyApiError, type Client, type Limit, type LimitLedger } from '@airworthy/sdk'
import { type Command, Option } from 'commander'
import { limitKinds, limitScopes } from '../core/money/limit.ts'
import { windowText } from './budget-text.ts'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { addAuthorisationCommands } from './limit-authorisations.ts'
import { type LimitOptions, readLimit } from './limit-options.ts'
import { note, printFields, printJson, printLine, printTable, shortTime } from './terminal.ts'

const listedLedgers = 3
const shownLedgers = 100

export function addLimitCommands(program: Command): void {
  const limit = program.command('limit').description('limits on the money that tools move')
  limit
    .command('list')
    .description('list limits, and those who have used most of each')
    .action((_, command: Command) => list(command))
  limit
    .command('show')
    .description('show a limit, and what each of its subjects has used')
    .argument('<name>')
    .action((name: string, _, command: Command) => show(name, command))
  addSet(limit)
  limit
    .command('remove')
    .description('propose that a limit ends: another operator confirms')
    .argument('<name>')
    .option('--reason <text>', 'why')
    .action((name: string, options: { reason?: string }, command: Command) =>
      remove(name, options, command),
    )
  addAuthorisationCommands(limit)
}

function addSet(limit: Command): void {
  limit
    .command('set')
    .description('make a limit, or change it: what is not named stays; loosening takes two people')
    .argument('<name>')
    .addOption(
      new Option('--kind <kind>', 'transaction, window, open, ask, allow or block').choices([
        ...limitKinds,
      ]),
    )
    .addOption(
      new Option('--scope <scope>', 'whom it is for (default: organisation)').choices([
        ...limitScopes,
      ]),
    )
    .option('--team <owner>', 'only this team: the owner of its agents; else each team')
    .option('--agent <agent>', 'only this agent, by id or name; else each agent')
    .option('--session <session>', 'only this session, by id; else each session')
    .option('--asset <asset>', 'USD, or a CAIP-19 asset that is registered')
    .option('--max <sum>', 'in units of the asset, such as 100.00; none lifts it')
    .option('--count <calls>', 'at most so many calls; none lifts it')
    .option('--window <window>', 'calendar:day:<zone>, rolling:24h, or whole')
    .option('--tools <globs>', 'only these, such as bank/*,shop/refund')
    .option('--counterparties <list>', 'of allow and block: identifiers, or patterns with *')
    .option('--each-counterparty', 'each counterparty has a share of its own')
    .option('--only-this-asset', 'other assets are not converted, and do not count')
    .option('--refunds-refill', 'what comes back makes room again')
    .option('--no-refunds-refill', 'it does not (default)')
    .option('--reason <text>', 'why; needed where the limit is loosened')
    .addHelpText(
      'after',
      '\nExample:\n  airworthy limit set day --kind window --agent desk --asset EUR --max 500 \\\n' +
        '    --window calendar:day:Europe/Berlin',
    )
    .action((name: string, options: LimitOptions, command: Command) => set(name, options, command))
}

async function list(command: Command): Promise<void> {
  const globals = globalOptions(command)
  const { limits } = await (await connect(globals)).listLimits({ ledgers: listedLedgers })
  if (globals.json === true) {
    printJson({ limits })
    return
  }
  printTable(
    ['LIMIT', 'KIND', 'FOR', 'WINDOW', 'USED', 'HELD', 'UNKNOWN', 'LIMIT', 'CALLS'],
    limits.flatMap((limit) =>
      limit.ledgers.length === 0 ? [rowOf(limit)] : limit.ledgers.map((each) => rowOf(limit, each)),
    ),
  )
  if (limits.length === 0)
    note('There are none: "airworthy limit set --help" says how to make one.')
}

function rowOf(limit: Limit, ledger?: LimitLedger): (string | null)[] {
  const { kind, max, countMax } = limit
  const isBound = kind === 'transaction' || kind === 'window' || kind === 'open'
  const calls =
    ledger === undefined ? 0 : Number(ledger.calls.settled) + Number(ledger.calls.reserved)
  const allCalls = calls + Number(ledger?.calls.unknown ?? 0)
  return [
    limit.name,
    kind,
    subjectText(limit, ledger),
    kind === 'window' ? windowText(limit.window) : null,
    ledger?.amount.settled ?? null,
    ledger?.amount.reserved ?? null,
    ledger?.amount.unknown ?? null,
    isBound ? moneyText(limit) : describeList(limit),
    countMax === null
      ? ledger === undefined
        ? null
        : String(allCalls)
      : `${allCalls} of ${countMax}`,
  ].map((each) => (max === null && each === '' ? null : each))
}

function moneyText({ max, asset }: Limit): string {
  return max === null ? '-' : `${max} ${(asset ?? '').replace(/^iso4217:/, '')}`
}

function describeList({ kind, actions, patterns, counterparties }: Limit): string {
  if (kind === 'ask') return actions.join(', ')
  const listed = [...patterns, ...(counterparties === 0 ? [] : [`${counterparties} identifiers`])]
  return listed.join(', ') || 'nobody'
}

function subjectText(limit: Limit, ledger?: LimitLedger): string {
  const { scope, subjectName, eachCounterparty } = limit
  const each = eachCounterparty ? ', each counterparty' : ''
  if (scope === 'organisation') return `${scope}${each}`
  if (subjectName !== null) return `${scope} ${subjectName}${each}`
  return `each ${scope}${ledger === undefined ? '' : `: ${ledger.subject}`}${each}`
}

async function show(name: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const limit = await (await connect(globals)).getLimit(name, { ledgers: shownLedgers })
  if (globals.json === true) printJson(limit)
  else printLimit(limit)
}

function printLimit(limit: Limit): void {
  const isList = limit.kind === 'ask' || limit.kind === 'allow' || limit.kind === 'block'
  printFields({
    limit: limit.name,
    id: limit.id,
    kind: limit.kind,
    for: subjectText(limit),
    tools: limit.actions.join(', '),
    ...(isList
      ? { listed: describeList(limit) }
      : {
          most: moneyText(limit),
          calls: limit.countMax === null ? '-' : String(limit.countMax),
          window: windowText(limit.window),
          'other assets': limit.converts ? 'converted by quotes' : 'do not count',
          refunds: limit.refundsRefill ? 'make room again' : 'make no room',
        }),
    set: shortTime(limit.changedAt),
  })
  if (isList) return
  if (limit.ledgers.length === 0) {
    note('Nothing is counted yet in the period that runs.')
    return
  }
  printLine()
  printTable(
    ['FOR', 'SETTLED', 'RESERVED', 'UNKNOWN', 'CALLS', 'UNTIL'],
    limit.ledgers.map((ledger) => [
      subjectText(limit, ledger),
      ledger.amount.settled,
      ledger.amount.reserved,
      ledger.amount.unknown,
      rowOf(limit, ledger).at(-1) ?? null,
      ledger.windowEnd === null ? null : shortTime(ledger.windowEnd),
    ]),
  )
}

async function set(name: string, options: LimitOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const setting = readLimit(options, await findLimit(client, name))
  const done = await client.setLimit(name, setting)
  if (globals.json === true) {
    printJson(done)
    return
  }
  printLimit(done.limit)
  if (done.proposal === null) {
    note(done.created ? `${name} holds from now on.` : `${name} is changed; what it counted stays.`)
    return
  }
  note(
    `${name} stays as it is: this loosens ${done.loosened.join(', ')}. Another operator confirms ` +
      `with "airworthy proposal confirm ${done.proposal}".`,
  )
}

async function findLimit(client: Client, name: string): Promise<Limit | undefined> {
  try {
    return await client.getLimit(name, { ledgers: 0 })
  } catch (thrown) {
    if (thrown instanceof AirworthyApiError && thrown.code === 'limit.unknown') return undefined
    throw thrown
  }
}

async function remove(
  name: string,
  { reason }: { readonly reason?: string },
  command: Command,
): Promise<void> {
  if (reason === undefined) throw new UsageError('say --reason: removing a limit lets money out')
  const globals = globalOptions(command)
  const removal = await (await connect(globals)).removeLimit(name, { reason })
  if (globals.json === true) {
    printJson(removal)
    return
  }
  printLine(
    `${name} holds until another operator confirms: airworthy proposal confirm ${removal.proposal}`,
  )
}
