// airworthy limit authorisations | release-authorisation
import type { Command } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { readAll } from './pages.ts'
import { note, printJson, printLine, printTable, shortTime } from './terminal.ts'

export function addAuthorisationCommands(limit: Command): void {
  limit
    .command('authorisations')
    .description('list the money that is set aside, and neither captured nor voided')
    .action((_, command: Command) => list(command))
  limit
    .command('release-authorisation')
    .description('propose that one is open no more, where it ended at the provider')
    .argument('<call>', 'the call that opened it')
    .option('--reason <text>', 'why')
    .action((call: string, options: { reason?: string }, command: Command) =>
      release(call, options, command),
    )
}

async function list(command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const authorisations = await readAll(async (after) => {
    const page = await client.listAuthorisations(after)
    return { items: page.authorisations, next: page.next }
  })
  if (globals.json === true) {
    printJson({ authorisations })
    return
  }
  printTable(
    ['CALL', 'TOOL', 'AMOUNT', 'ASSET', 'OPENED'],
    authorisations.map((each) => [
      each.callId,
      each.action,
      each.amount,
      each.asset.replace(/^iso4217:/, ''),
      shortTime(each.openedAt),
    ]),
  )
  if (authorisations.length === 0) note('There are none.')
}

async function release(
  call: string,
  { reason }: { readonly reason?: string },
  command: Command,
): Promise<void> {
  if (reason === undefined) throw new UsageError('say --reason: what is given up makes room')
  const globals = globalOptions(command)
  const asked = await (await connect(globals)).releaseAuthorisation(call, { reason })
  if (globals.json === true) printJson(asked)
  else {
    printLine(
      `it counts as open until another operator confirms: airworthy proposal confirm ${asked.proposal}`,
    )
  }
}
