// airworthy kill <scope> [target] | kill --drill | kill list | kill show, and airworthy resume
import type { Kill, KillDetail, KillMode, KillScope } from '@airworthy/sdk'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { exitCodes, UsageError } from './failure.ts'
import { readAll } from './pages.ts'
import { note, printFields, printJson, printLine, printTable, shortTime } from './terminal.ts'

type KillOptions = {
  readonly mode: KillMode
  readonly reason?: string
  readonly revokeKeys?: true
  readonly drill?: true
}

const scopes: readonly KillScope[] = ['agent', 'version', 'tool', 'session', 'organisation']

export function addKillCommands(program: Command): void {
  const kill = program
    .command('kill')
    .description('stop an agent, a version, a tool, a session or everything, on all gateways')
    .argument('[scope]', `one of: ${scopes.join(', ')}`, parseScope)
    .argument('[target]', 'an agent, agent:number, server/tool or server/*, or a session')
    .addOption(
      new Option('--mode <mode>', 'unwind also takes back the runs that are open')
        .choices(['freeze', 'unwind'])
        .default('freeze'),
    )
    .option('--reason <text>', 'why: kept beside the log, which commits to it')
    .option('--revoke-keys', 'revoke the API keys of the agents for good')
    .option('--drill', 'stop nothing: show how long every gateway takes to hear')
    .action((scope: KillScope | undefined, target: string | undefined, options: KillOptions) =>
      issue({ scope, target, options, command: kill }),
    )
  kill
    .command('list')
    .description('list kills and drills, the newest first')
    .option('--in-force', 'only what stops something now')
    .action((options: { readonly inForce?: true }, command: Command) => list(options, command))
  kill
    .command('show')
    .description('show a kill, and which gateways have confirmed it')
    .argument('<kill>', 'its id')
    .action(async (id: string, _, command: Command) => {
      const globals = globalOptions(command)
      const client = await connect(globals)
      printKill(await client.getKill(id), globals.json === true)
    })
  program
    .command('resume')
    .description('propose to end a kill; another operator confirms with `proposal confirm`')
    .argument('<kill>', 'its id')
    .requiredOption('--reason <text>', 'why it may go on')
    .action((id: string, options: { readonly reason: string }, command: Command) =>
      resume(id, options.reason, command),
    )
}

function parseScope(text: string): KillScope {
  const scope = scopes.find((each) => each === text)
  if (scope !== undefined) return scope
  throw new InvalidArgumentError(`it is one of: ${scopes.join(', ')}`)
}

async function issue(asked: {
  readonly scope: KillScope | undefined
  readonly target: string | undefined
  readonly options: KillOptions
  readonly command: Command
}): Promise<void> {
  const { scope, target, options, command } = asked
  const isDrill = options.drill === true
  const kind = scope ?? (isDrill ? 'organisation' : undefined)
  const reason = options.reason ?? (isDrill ? 'a drill' : undefined)
  if (kind === undefined) throw new UsageError(`what is to be stopped? ${scopes.join(', ')}`)
  if (reason === undefined) throw new UsageError('say why with --reason')
  const globals = globalOptions(command)
  const client = await connect(globals)
  const issued = await client.kill({
    scope: kind,
    mode: isDrill ? 'drill' : options.mode,
    reason,
    ...(target === undefined ? {} : { target }),
    ...(options.revokeKeys === true ? { revokeKeys: true } : {}),
  })
  printKill(issued, globals.json === true)
  if (!issued.isTargetKnown) {
    note(
      `No agent has enrolled ${issued.target}: is that its name? The kill is in force all the same.`,
    )
  }
  if (issued.state !== 'issued') return
  // It is in force, but somebody must look at the gateways that have not said so.
  process.exitCode = exitCodes.gateFailed
}

async function resume(id: string, reason: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const proposal = await client.resumeKill(id, { reason })
  if (globals.json === true) {
    printJson(proposal)
    return
  }
  printLine(`proposed; another operator ends the kill until ${shortTime(proposal.until)} with:`)
  printLine(`  airworthy proposal confirm ${proposal.id}`)
}

function printKill(kill: KillDetail, isJson: boolean): void {
  if (isJson) {
    printJson(kill)
    return
  }
  printFields({
    kill: kill.id,
    stops: kill.mode === 'drill' ? 'nothing: a drill' : nameOf(kill),
    mode: kill.mode,
    state: kill.state === 'issued' ? 'in force, not acknowledged by all' : kill.state,
    reason: kill.reason,
    'issued by': `${kill.issuedBy ?? `the rule ${kill.rule ?? ''}`} at ${shortTime(kill.issuedAt)}`,
    acknowledged:
      kill.latencyMs === null ? 'not yet' : `after ${kill.latencyMs} ms, by all gateways`,
    'cancelled holds': String(kill.cancelledHolds),
    'runs taken back': String(kill.unwoundRuns),
    resumed: shortTime(kill.resumedAt),
  })
  printLine('')
  printTable(
    ['GATEWAY', 'STATE', 'AFTER', 'CUT', 'LEASE UNTIL', 'ID'],
    kill.gateways.map((each) => [
      each.name,
      each.state,
      each.latencyMs === null ? '-' : `${each.latencyMs} ms`,
      each.cut === null ? '-' : String(each.cut),
      shortTime(each.leaseUntil),
      each.id,
    ]),
  )
}

function nameOf({ scope, target }: Kill): string {
  return scope === 'organisation' ? 'the whole organisation' : `${scope} ${target}`
}

async function list(options: { readonly inForce?: true }, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const state = options.inForce === true ? 'in_force' : 'all'
  const kills = await readAll(async ({ after }) => {
    const page = await client.listKills({
      state,
      ...(after === undefined ? {} : { before: after }),
    })
    return { items: page.kills, next: page.next }
  })
  if (globals.json === true) {
    printJson({ kills })
    return
  }
  printTable(
    ['KILL', 'WHAT', 'MODE', 'STATE', 'ISSUED', 'AFTER', 'RESUMED'],
    kills.map((kill) => [
      kill.id,
      nameOf(kill),
      kill.mode,
      kill.state,
      shortTime(kill.issuedAt),
      kill.latencyMs === null ? '-' : `${kill.latencyMs} ms`,
      shortTime(kill.resumedAt),
    ]),
  )
}
