// airworthy hold load | canary
import type { AnswerTimes, HoldLoad, PersonLoad, PlantCanary } from '@airworthy/sdk'
import type { Command } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import {
  cleanText,
  money,
  printFields,
  printJson,
  printLine,
  printTable,
  shortTime,
} from './terminal.ts'

type CanaryOptions = {
  readonly agent: string
  readonly action: string
  readonly args: string
  readonly rule?: string
  readonly amount?: string
  readonly task?: string
  readonly endUser?: string
}

/** `hold` is the command that they are part of. */
export function addHoldLoadCommands(hold: Command): void {
  hold
    .command('load')
    .description('how approvals weigh on people, who only says yes, and what a rule could say')
    .option('--days <days>', 'how far back to look', '30')
    .action((options: { readonly days: string }, command: Command) => load(options, command))
  hold
    .command('canary')
    .description('make a hold that should be refused; nothing can run behind it')
    .requiredOption('--agent <agent>', 'whose call it seems to be')
    .requiredOption('--action <tool>', 'what it seems to ask for, as server/tool')
    .requiredOption('--args <json>', 'the arguments, as a JSON object')
    .option('--rule <id>', 'the rule that seems to hold it')
    .option('--amount <decimal>', 'where the contract asks another tool for the amount')
    .option('--task <task>', 'what its session seems to be for')
    .option('--end-user <name>', 'whom it seems to serve')
    .action((options: CanaryOptions, command: Command) => plant(options, command))
}

async function plant(options: CanaryOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const { args, ...more } = options
  const body: PlantCanary = { ...more, arguments: readObject(args) }
  const planted = await client.plantCanary(body)
  if (globals.json === true) printJson(planted)
  else printLine(`planted ${planted.hold}: who approves it shows in \`airworthy hold load\``)
}

function readObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return { ...parsed }
    }
  } catch {
    // Told below.
  }
  throw new UsageError('--args must be a JSON object')
}

async function load(options: { readonly days: string }, command: Command): Promise<void> {
  const globals = globalOptions(command)
  if (!/^\d{1,3}$/.test(options.days)) throw new UsageError('--days must be a number of days')
  const client = await connect(globals)
  const report = await client.getHoldLoad({ days: Number(options.days) })
  if (globals.json === true) printJson(report)
  else print(report)
}

function print(report: HoldLoad): void {
  const { waiting, canaries } = report
  printFields({
    days: `${report.days}${report.isCut ? ' (the newest 20,000 of each kind)' : ''}`,
    waiting: `${waiting.count}${waiting.count === 0 ? '' : `, the oldest since ${shortTime(waiting.oldestAt)}`}`,
    decided: `${report.approved} approved, ${report.rejected} rejected, ${report.expired} not answered`,
    answered: times(report.answer),
    canaries: `${canaries.planted} planted: ${canaries.approved} approved, ${canaries.rejected} rejected, ${canaries.expired} not answered, ${canaries.pending} waiting`,
  })
  if (report.people.length > 0) {
    printLine()
    printTable(
      [
        'OPERATOR',
        'APPROVED',
        'REJECTED',
        'ANSWER P50/P90',
        'FAST',
        'UNSEEN',
        'CANARIES',
        'WARNINGS',
      ],
      report.people.map((person) => [
        person.operator,
        `${person.approved} (${person.approvedPercent} %)`,
        person.rejected,
        times(person.answer),
        person.fast,
        person.unseen,
        `${person.canaries.approved} of ${person.canaries.approved + person.canaries.rejected} approved`,
        person.warnings.map((each) => warnings[each]).join('; '),
      ]),
    )
  }
  for (const each of report.repeated) {
    printLine()
    const { agent, action, rules, approved } = each
    const upTo = each.amountMax === null ? '' : `, up to ${money(each.amountMax)}`
    printLine(
      cleanText(
        `${approved} times approved: ${action} of ${agent}, held by ${rules.join(', ')}${upTo}`,
      ),
    )
    if (each.suggestion !== null) {
      for (const line of each.suggestion.trimEnd().split('\n')) printLine(`  ${cleanText(line)}`)
    }
  }
}

const warnings: Readonly<Record<PersonLoad['warnings'][number], string>> = {
  fast: 'approves faster than anybody reads',
  always: 'never says no',
  canary: 'approved a canary',
}

function times(answer: AnswerTimes | null): string {
  return answer === null ? '-' : `${seconds(answer.p50Seconds)} / ${seconds(answer.p90Seconds)}`
}

function seconds(count: number): string {
  if (count < 60) return `${Math.round(count)}s`
  if (count < 3600) return `${Math.round(count / 60)}m`
  return `${Math.round(count / 3600)}h`
}
