// airworthy escalation report
import type { EscalationCounts, EscalationReport } from '@airworthy/sdk'
import type { Command } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { printJson, printLine, printTable } from './terminal.ts'

export function addEscalationCommands(program: Command): void {
  const escalation = program
    .command('escalation')
    .description('when people are asked although every rule lets a call go on')
  escalation
    .command('report')
    .description('show which triggers are met, where, and what people decided')
    .option('--days <days>', 'how far back', '30')
    .option('--agent <agent>', 'only of this agent: its name or id')
    .action(
      async (options: { readonly days: string; readonly agent?: string }, command: Command) => {
        const days = Number(options.days)
        if (!Number.isSafeInteger(days) || days < 1) {
          throw new UsageError('--days takes a whole number')
        }
        const globals = globalOptions(command)
        const client = await connect(globals)
        const { agent } = options
        const found = await client.reportEscalation({
          days,
          ...(agent === undefined ? {} : { agent }),
        })
        if (globals.json === true) printJson(found)
        else show(found)
      },
    )
}

function show(report: EscalationReport): void {
  if (report.calls === 0) {
    printLine(`no call has met a trigger since ${report.since}`)
    return
  }
  printLine(`${report.calls} calls have met a trigger since ${report.since}`)
  const ends = ['YES', 'NO', 'EXPIRED', 'WAITING', 'CANCELLED']
  const decided = ['FIRED', 'HELD', 'HANDED', 'NOTED', 'DENIED', ...ends]
  printTable(
    ['TRIGGER', ...decided],
    report.triggers.map((each) => [each.trigger, ...columns(each)]),
  )
  printLine('')
  printTable(
    ['TRIGGER', 'BY', ...decided],
    report.codes.map((each) => [each.trigger, each.code, ...columns(each)]),
  )
  printLine('')
  printTable(
    ['TRIGGER', 'AGENT', 'TASK', 'ACTION', ...decided],
    report.patterns.map((each) => [
      each.trigger,
      each.agent,
      each.task ?? '-',
      each.action,
      ...columns(each),
    ]),
  )
}

function columns(counts: EscalationCounts): string[] {
  const { fired, held, handedOver, recorded, denied } = counts
  const { approved, rejected, expired, waiting, cancelled } = counts
  const ends = [approved, rejected, expired, waiting, cancelled]
  return [fired, held, handedOver, recorded, denied, ...ends].map(String)
}
