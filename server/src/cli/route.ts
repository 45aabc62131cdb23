// airworthy route report
import type { Command } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { dollars, printFields, printJson, printLine, printTable } from './terminal.ts'

export function addRouteCommands(program: Command): void {
  const route = program.command('route').description('what routing chooses, and what it saves')
  route
    .command('report')
    .description('show choices, savings and answers that differ')
    .argument('<agent>', 'its name or id')
    .option('--days <days>', 'how far back', '30')
    .action((agent: string, options: { days: string }, command: Command) =>
      report(agent, { days: options.days, command }),
    )
}

async function report(
  agent: string,
  options: { readonly days: string; readonly command: Command },
): Promise<void> {
  const days = Number(options.days)
  if (!Number.isSafeInteger(days) || days < 1) throw new UsageError('--days takes a whole number')
  const globals = globalOptions(options.command)
  const client = await connect(globals)
  const found = await client.reportRoutes(agent, { days })
  if (globals.json === true) {
    printJson(found)
    return
  }
  if (found.uses.length === 0) {
    printLine(`no call of ${found.agent} named a route since ${found.since}`)
    return
  }
  printTable(
    ['ROUTE', 'RULE', 'MODE', 'CHOSEN', 'USED', 'STEP', 'CALLS', 'SPENT', 'OTHER', 'SAME/DIFF/?'],
    found.uses.map((use) => [
      use.route,
      use.rule,
      use.mode,
      use.chosen,
      use.used,
      use.escalated > 0 ? `${use.step} (${use.escalated} escalated)` : use.step,
      String(use.calls),
      dollars(use.spentNanoUsd),
      use.otherNanoUsd === null ? 'unknown' : dollars(use.otherNanoUsd),
      `${use.compared.same}/${use.compared.differs}/${use.compared.unsure}`,
    ]),
  )
  printFields({
    saved: dollars(found.savedNanoUsd),
    'would save (shadow)': dollars(found.wouldSaveNanoUsd),
  })
  for (const each of found.disagreements.slice(0, 20)) {
    printLine(`${each.agreement} (${each.score}): ${each.ofCallId ?? ''} and ${each.callId}`)
  }
}
