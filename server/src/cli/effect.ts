// airworthy effect list | resolve
import { type Command, Option } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { readAll } from './pages.ts'
import { money, printJson, printLine, printTable, shortTime } from './terminal.ts'

type ResolveOptions = {
  readonly outcome?: 'done' | 'failed'
  readonly done?: boolean
  readonly failed?: boolean
  readonly reason: string
}

export function addEffectCommands(program: Command): void {
  const effect = program.command('effect').description('settle effects nobody knows the end of')
  effect
    .command('list')
    .description('list effects')
    .option('--unknown', 'only those whose outcome is unknown')
    .action((options: { unknown?: boolean }, command: Command) => list(options, command))
  effect
    .command('resolve')
    .description('settle an unknown effect, or an unknown undo, as you found it')
    .argument('<effect>', 'its id')
    .option('--done', 'it took place')
    .option('--failed', 'nothing happened')
    .addOption(new Option('--outcome <outcome>', 'the same').choices(['done', 'failed']))
    .requiredOption('--reason <text>', 'how you found it out')
    .action((id: string, options: ResolveOptions, command: Command) =>
      resolve(id, { options, command }),
    )
}

async function list(options: { readonly unknown?: boolean }, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const filter = options.unknown === true ? { state: 'unknown' as const } : {}
  const effects = await readAll(async (after) => {
    const page = await client.listEffects({ ...filter, ...after })
    return { items: page.effects, next: page.next }
  })
  if (globals.json === true) {
    printJson({ effects })
    return
  }
  printTable(
    ['EFFECT', 'ACTION', 'CLASS', 'AMOUNT', 'STATE', 'CALL', 'MADE'],
    effects.map((each) => [
      each.id,
      each.action,
      each.effectClass,
      money(each.amount),
      each.state,
      each.callId,
      shortTime(each.createdAt),
    ]),
  )
}

/** Exactly one of the three ways to say it. */
function outcomeOf({ outcome, done, failed }: ResolveOptions): 'done' | 'failed' {
  const said = [outcome, done === true ? 'done' : undefined, failed === true ? 'failed' : undefined]
  const [only, ...others] = said.filter((each) => each !== undefined)
  if ((only !== 'done' && only !== 'failed') || others.length > 0) {
    throw new UsageError('say what happened: either --done or --failed')
  }
  return only
}

async function resolve(
  id: string,
  { options, command }: { options: ResolveOptions; command: Command },
): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const effect = await client.resolveEffect(id, {
    outcome: outcomeOf(options),
    reason: options.reason,
  })
  if (globals.json === true) printJson(effect)
  else printLine(`${effect.action}: ${effect.state}`)
}
