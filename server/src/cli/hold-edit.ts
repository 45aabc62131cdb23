// airworthy hold edit | votes
import type { Command } from 'commander'
import { parseExactJson } from '../core/canonical.ts'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { printFields, printJson, printLine, printTable, shortTime } from './terminal.ts'
import { readTextFile } from './text-file.ts'

type EditOptions = { readonly args: string; readonly reason?: string }

export function addHoldEditCommands(hold: Command): void {
  hold
    .command('edit')
    .description('reject a held call and propose it with other arguments; another approves that')
    .argument('<hold>', 'its id')
    .requiredOption('--args <file>', 'all arguments as a JSON object; - reads standard input')
    .option('--reason <text>', 'why; it is kept with the hold')
    .action((id: string, options: EditOptions, command: Command) => edit(id, options, command))
  hold
    .command('votes')
    .description('list the votes about a hold, of all its rounds')
    .argument('<hold>', 'its id')
    .action((id: string, _, command: Command) => votes(id, command))
}

async function edit(id: string, options: EditOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const args = parseArguments(await readTextFile(options.args))
  const client = await connect(globals)
  const { reason } = options
  const body = { arguments: args, ...(reason === undefined ? {} : { reason }) }
  const edited = await client.editHold(id, body)
  if (globals.json === true) {
    printJson(edited)
    return
  }
  const { call, hold } = edited
  printFields({
    call: `${call.id} ${call.state}${call.code === null ? '' : ` (${call.code})`}`,
    hold: hold === null ? null : `${hold.id} waits; somebody else approves it`,
  })
}

function parseArguments(text: string): Readonly<Record<string, unknown>> {
  const parsed = parseExactJson(text)
  if (parsed.kind === 'invalid') throw new UsageError(`--args: ${parsed.message}`)
  const { value } = parsed
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError('--args must hold a JSON object')
  }
  return Object.fromEntries(Object.entries(value))
}

async function votes(id: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const found = await client.listVotes(id)
  if (globals.json === true) {
    printJson(found)
    return
  }
  if (found.votes.length === 0) {
    printLine('Nobody has voted.')
    return
  }
  printTable(
    ['ROUND', 'LEVEL', 'OPERATOR', 'VOTE', 'SIGNED BY', 'AT', 'REASON'],
    found.votes.map((each) => [
      String(each.round),
      String(each.level),
      each.operator,
      each.vote,
      each.key,
      shortTime(each.castAt),
      each.reason,
    ]),
  )
}
