// airworthy budget list | show | set | remove | alerts
import { createInterface } from 'node:readline/promises'
import { AirworthyApiError, type BudgetPolicy, type BudgetUse, type Client } from '@airworthy/sdk'
import { type Command, Option } from 'commander'
import { policyScopes } from '../core/budget/policy.ts'
import { readSetting, type SetOptions } from './budget-options.ts'
import { amountText, barText, emptyUses, subjectText, unitName, windowText } from './budget-text.ts'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { note, printFields, printJson, printLine, printTable, shortTime } from './terminal.ts'

const listedLedgers = 3
const shownLedgers = 100
const alertsDefault = 50

export function addBudgetCommands(program: Command): void {
  const budget = program.command('budget').description('budgets of the organisation')
  budget
    .command('list')
    .description('list budgets, and those who have used most of each')
    .action((_, command: Command) => list(command))
  budget
    .command('show')
    .description('show a budget, and what each of its subjects has used')
    .argument('<name>')
    .option('--ledgers <count>', 'at most so many, those with most use first', String(shownLedgers))
    .action((name: string, options: { ledgers: string }, command: Command) =>
      show({ name, ledgers: wholeNumber('--ledgers', options.ledgers) }, command),
    )
  addSet(budget)
  budget
    .command('remove')
    .description('end a budget: what it counted is forgotten')
    .argument('<name>')
    .option('--yes', 'do not ask')
    .action((name: string, options: { yes?: boolean }, command: Command) =>
      remove(name, options, command),
    )
  budget
    .command('alerts')
    .description('list thresholds that were passed, the newest first')
    .option('--budget <name>', 'of one budget')
    .option('--limit <count>', 'at most so many', String(alertsDefault))
    .action((options: { budget?: string; limit: string }, command: Command) =>
      alerts(options, command),
    )
}

function addSet(budget: Command): void {
  budget
    .command('set')
    .description('make a budget, or change it: what is not named stays as it is')
    .argument('<name>')
    .addOption(new Option('--scope <scope>', 'whom it is for').choices([...policyScopes]))
    .option('--team <owner>', 'only this team: the owner of its agents; else each team')
    .option('--agent <agent>', 'only this agent, by id or name; else each agent')
    .option('--agent-version <version>', 'only this version, by id or as "desk v2"; else each')
    .option('--user <user>', 'only this end user; else each user')
    .option('--session <session>', 'only this session, by id; else each session')
    .option(
      '--window <window>',
      'whole (default), calendar:<hour|day|week|month>:<zone>, rolling:<duration>',
    )
    .option('--money <usd>', 'limit in US dollars; none lifts it, here and below')
    .option('--tokens <count>', 'limit of tokens, in and out together')
    .option('--input-tokens <count>', 'limit of input tokens')
    .option('--output-tokens <count>', 'limit of output tokens')
    .option('--calls <count>', 'limit of calls, of models and tools')
    .option('--alerts <percents>', 'such as 50,80,100 (default); or none')
    .addOption(
      new Option('--on-hit <what>', 'block (default), or redirect: what the model says').choices([
        'block',
        'redirect',
      ]),
    )
    .option('--include-tool-money', 'count what tools move beside what models cost')
    .option('--no-include-tool-money', 'count models alone (default)')
    .addHelpText(
      'after',
      '\nExample:\n  airworthy budget set team-payments --team payments@example.com \\\n' +
        '    --window calendar:month:Europe/Berlin --money 1000 --alerts 50,80,100',
    )
    .action((name: string, options: SetOptions, command: Command) => set(name, options, command))
}

async function list(command: Command): Promise<void> {
  const globals = globalOptions(command)
  const { budgets } = await (await connect(globals)).listBudgets({ ledgers: listedLedgers })
  if (globals.json === true) {
    printJson({ budgets })
    return
  }
  printTable(
    ['BUDGET', 'FOR', 'WINDOW', 'UNIT', 'USED', 'HELD', 'LIMIT', 'USED OF LIMIT', 'WHEN HIT'],
    budgets.flatMap(rowsOf),
  )
  if (budgets.length === 0)
    note('There are none: "airworthy budget set --help" says how to make one.')
}

type Row = readonly (string | null)[]

function rowsOf(budget: BudgetPolicy): Row[] {
  const row = (subject: string, use: BudgetUse): Row => [
    budget.name,
    subject,
    windowText(budget.window),
    unitName(use.unit),
    amountText(use.unit, usedOf(use)),
    amountText(use.unit, BigInt(use.reserved) + BigInt(use.leased)),
    amountText(use.unit, use.limit),
    barText(use),
    budget.onHit,
  ]
  if (budget.ledgers.length === 0) {
    return emptyUses(budget).map((use) => row(subjectText(budget), use))
  }
  return budget.ledgers.flatMap((ledger) =>
    ledger.units
      .filter((use) => use.limit !== null)
      .map((use) => row(subjectText(budget, ledger), use)),
  )
}

/** What counts for alerts: what was used, and what may have been. */
function usedOf({ settled, unknown, overrun }: BudgetUse): bigint {
  return BigInt(settled) + BigInt(unknown) + BigInt(overrun)
}

async function show(
  { name, ledgers }: { readonly name: string; readonly ledgers: number },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const budget = await (await connect(globals)).getBudget(name, { ledgers })
  if (globals.json === true) printJson(budget)
  else printBudget(budget)
}

function printBudget(budget: BudgetPolicy): void {
  printFields({
    budget: budget.name,
    id: budget.id,
    for: subjectText(budget),
    window: windowText(budget.window),
    limits: emptyUses(budget)
      .map(({ unit, limit }) => `${unitName(unit)} ${amountText(unit, limit)}`)
      .join(', '),
    'when hit': budget.onHit,
    ...(budget.includeToolMoney ? { counts: 'models, and the money that tools move' } : {}),
    alerts: budget.alerts.map((percent) => `${percent}%`).join(', ') || 'none',
    set: shortTime(budget.changedAt),
  })
  if (budget.ledgers.length === 0) {
    note('Nothing is counted yet in the period that runs.')
    return
  }
  printLine()
  printTable(
    [
      'FOR',
      'UNIT',
      'SETTLED',
      'RESERVED',
      'LEASED',
      'UNKNOWN',
      'OVERRUN',
      'LIMIT',
      'USED OF LIMIT',
      'UNTIL',
    ],
    budget.ledgers.flatMap((ledger) =>
      ledger.units.map((use) => [
        budget.scope === 'organisation' ? 'organisation' : ledger.subject,
        unitName(use.unit),
        amountText(use.unit, use.settled),
        amountText(use.unit, use.reserved),
        amountText(use.unit, use.leased),
        amountText(use.unit, use.unknown),
        amountText(use.unit, use.overrun),
        amountText(use.unit, use.limit),
        barText(use),
        ledger.windowEnd === null ? null : shortTime(ledger.windowEnd),
      ]),
    ),
  )
  const isUnknown = budget.ledgers.some(({ units }) => units.some((use) => use.unknown !== '0'))
  if (isUnknown) note('Settle what is unknown with "airworthy call reconcile".')
}

async function set(name: string, options: SetOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const setting = readSetting(options, await findBudget(client, name))
  const done = await client.setBudget(name, setting)
  if (globals.json === true) {
    printJson(done)
    return
  }
  printBudget(done.budget)
  note(done.created ? `${name} holds from now on.` : `${name} is changed; what it counted stays.`)
}

async function findBudget(client: Client, name: string): Promise<BudgetPolicy | undefined> {
  try {
    return await client.getBudget(name, { ledgers: 0 })
  } catch (thrown) {
    if (thrown instanceof AirworthyApiError && thrown.code === 'budget.unknown') return undefined
    throw thrown
  }
}

async function remove(
  name: string,
  options: { readonly yes?: boolean },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  if (options.yes !== true && !(await isSure(await client.getBudget(name)))) return
  const removed = await client.removeBudget(name)
  if (globals.json === true) printJson(removed)
  else printLine(`${removed.name} is removed: nothing counts in it any more`)
}

async function isSure(budget: BudgetPolicy): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError('without a terminal to ask on, say --yes')
  }
  printBudget(budget)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await terminal.question('Remove it? Nothing of it is refused then. [y/N] ')
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    terminal.close()
  }
}

async function alerts(
  options: { readonly budget?: string; readonly limit: string },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const limit = wholeNumber('--limit', options.limit)
  const { budget } = options
  const client = await connect(globals)
  const page = await client.listBudgetAlerts({ limit, ...(budget === undefined ? {} : { budget }) })
  if (globals.json === true) {
    printJson(page)
    return
  }
  printTable(
    ['AT', 'BUDGET', 'FOR', 'THRESHOLD', 'UNIT', 'USED', 'LIMIT', 'CALL'],
    page.alerts.map((alert) => [
      shortTime(alert.at),
      alert.budget === '' ? alert.budgetId : alert.budget,
      alert.subject,
      `${alert.threshold}%`,
      unitName(alert.unit),
      amountText(alert.unit, alert.used),
      amountText(alert.unit, alert.limit),
      alert.call,
    ]),
  )
  if (page.next !== null) note(`The newest ${limit} are shown; --limit shows more.`)
}

function wholeNumber(option: string, text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text)
  throw new UsageError(`${option} must be a whole number, but is ${JSON.stringify(text)}`)
}
