// airworthy run list | show | open | complete | abort | undo | settle
import type { Client, Run } from '@airworthy/sdk'
import { type Command, Option } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { readAll } from './pages.ts'
import { printRun, watchRun } from './run-progress.ts'
import { undo, type UndoOptions } from './run-undo.ts'
import { printJson, printLine, printTable, shortTime } from './terminal.ts'

const states: readonly Run['state'][] = [
  'open',
  'completing',
  'completed',
  'compensating',
  'compensated',
  'stuck',
  'settled',
]

type ListOptions = { readonly state?: Run['state']; readonly session?: string }
type OpenOptions = {
  readonly onFailure?: Run['onFailure']
  readonly onDenied?: Run['onDenied']
  readonly irreversibleLast?: boolean
}
type WaitOptions = { readonly wait: boolean }

export function addRunCommands(program: Command): void {
  const run = program.command('run').description('writes that stand or fall together')
  run
    .command('list')
    .description('list runs')
    .addOption(new Option('--state <state>', 'only these, such as stuck').choices(states))
    .option('--session <session>', 'of this session only')
    .action((options: ListOptions, command: Command) => list(options, command))
  run
    .command('show')
    .description('show a run with its steps, and what could not be undone')
    .argument('<run>', 'its id')
    .action((id: string, _, command: Command) => show(id, command))
  addOpen(run)
  run
    .command('complete')
    .description('complete a run: what it did stays, and what was deferred is carried out')
    .argument('<run>', 'its id')
    .option('--no-wait', 'do not wait for its end')
    .action((id: string, options: WaitOptions, command: Command) =>
      carryOut({ options, command, by: (client) => client.completeRun(id) }),
    )
  run
    .command('abort')
    .description('abort a run that is not completed: it is undone')
    .argument('<run>', 'its id')
    .option('--no-wait', 'do not wait for its end')
    .action((id: string, options: WaitOptions, command: Command) =>
      carryOut({ options, command, by: (client) => client.abortRun(id) }),
    )
  run
    .command('undo')
    .description('undo all that a run, or a session, did; asks first')
    .argument('<session|run>', 'its id')
    .option('--preview', 'only show what would be undone, and what could not')
    .option('--yes', 'do not ask')
    .option('--no-wait', 'do not wait for its end')
    .action((id: string, options: UndoOptions, command: Command) => undo(id, { options, command }))
  run
    .command('settle')
    .description('settle a stuck run: you have seen to what could not be undone')
    .argument('<run>', 'its id')
    .requiredOption('--reason <text>', 'what became of it')
    .action((id: string, options: { reason: string }, command: Command) =>
      settle(id, { options, command }),
    )
}

function addOpen(run: Command): void {
  const reactions = ['compensate', 'keep']
  run
    .command('open')
    .description('open a run in a session; what is left out is as the pact says')
    .argument('<session>', 'its id')
    .argument('<name>', 'unique in the session')
    .addOption(new Option('--on-failure <reaction>', 'of a step').choices(reactions))
    .addOption(new Option('--on-denied <reaction>', 'of a call').choices(reactions))
    .option('--irreversible-last', 'defer what cannot be undone until the run is completed')
    .action(async (session: string, name: string, options: OpenOptions, command: Command) => {
      const globals = globalOptions(command)
      const client = await connect(globals)
      const opened = await client.openRun(session, { name, ...options })
      if (globals.json === true) printJson(opened)
      else printLine(`${opened.id} is open`)
    })
}

async function list(options: ListOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const runs = await readAll(async (after) => {
    const page = await client.listRuns({ ...options, ...after })
    return { items: page.runs, next: page.next }
  })
  if (globals.json === true) {
    printJson({ runs })
    return
  }
  if (runs.length === 0) {
    printLine('There is no such run.')
    return
  }
  printTable(
    ['RUN', 'AGENT', 'NAME', 'STATE', 'WHY', 'SESSION', 'OPENED'],
    runs.map((each) => [
      each.id,
      each.agent,
      each.name ?? '(session)',
      each.state,
      each.reason,
      each.sessionId,
      shortTime(each.openedAt),
    ]),
  )
}

async function show(id: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const detail = await client.getRun(id)
  if (globals.json === true) printJson(detail)
  else printRun(detail)
}

/** Carries out a command on a run, and shows how it comes to its end. */
async function carryOut(change: {
  readonly options: WaitOptions
  readonly command: Command
  readonly by: (client: Client) => Promise<Run>
}): Promise<void> {
  const globals = globalOptions(change.command)
  const client = await connect(globals)
  const changed = await change.by(client)
  await watchRun(client, changed, { isJson: globals.json === true, wait: change.options.wait })
}

async function settle(
  id: string,
  { options, command }: { options: { readonly reason: string }; command: Command },
): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const settled = await client.settleRun(id, { reason: options.reason })
  if (globals.json === true) printJson(settled)
  else printLine(`${settled.id} is settled`)
}
