// airworthy tool list | prove
import { basename } from 'node:path'
import type { ProvedTools, Tool } from '@airworthy/sdk'
import type { Command } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { exitCodes, UsageError } from './failure.ts'
import { readManifest } from './manifest-file.ts'
import { note, printJson, printLine, printTable, shortTime } from './terminal.ts'

type ProveOptions = {
  readonly file?: string
  readonly agent?: string
  readonly onlyUnproved?: boolean
}

export function addToolCommands(program: Command): void {
  const tool = program
    .command('tool')
    .description("look at an agent's tools, and prove their undos")
  tool
    .command('list')
    .description('list the tools of an agent: what each does, and whether its undo is proved')
    .argument('<agent>', 'its name or id')
    .action((agent: string, _, command: Command) => list(agent, command))
  tool
    .command('prove')
    .description('do, undo and compare the world; exits with 2 when an undo is disproved')
    .argument('[tools...]', 'server/tool or bare names; without any, all that can be proved')
    .option('-f, --file <file>', 'a manifest; it need not be enrolled')
    .option('--agent <agent>', 'an enrolled agent, by name or id')
    .option('--only-unproved', 'leave out what is proved already')
    .action((tools: string[], options: ProveOptions, command: Command) =>
      prove(tools, { options, command }),
    )
}

async function list(agent: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const found = await client.listTools(agent)
  if (globals.json === true) printJson(found)
  else printTools(found.tools)
}

/** Also a part of `agent show`. */
export function printTools(tools: readonly Tool[]): void {
  printTable(
    ['TOOL', 'EFFECT', 'RULES SEE', 'UNDO', 'PROOF', 'TRIED'],
    tools.map((tool) => [
      tool.name,
      tool.effectClass,
      tool.effectiveClass,
      tool.undo,
      proofText(tool),
      shortTime(tool.proof?.at ?? null),
    ]),
  )
}

function proofText({ undo, proof, isProvable }: Tool): string | null {
  if (undo === null) return null
  if (proof === null) return isProvable ? 'unproved' : 'unproved, no proof in its contract'
  return proof.state === 'proved' ? 'proved' : `disproved: ${proof.reason ?? ''}`
}

async function prove(
  tools: readonly string[],
  { options, command }: { options: ProveOptions; command: Command },
): Promise<void> {
  const globals = globalOptions(command)
  const { file, agent } = options
  if ((file === undefined) === (agent === undefined)) {
    throw new UsageError('say whose tools: either --file or --agent')
  }
  const client = await connect(globals)
  const proved = await client.proveTools({
    ...(agent === undefined ? {} : { agent }),
    ...(file === undefined ? {} : { manifest: await readManifest(file), file: basename(file) }),
    ...(tools.length === 0 ? {} : { tools }),
    ...(options.onlyUnproved === true ? { onlyUnproved: true } : {}),
  })
  if (globals.json === true) printJson(proved)
  else printProved(proved)
  if (proved.tools.some((tool) => tool.state === 'disproved')) {
    process.exitCode = exitCodes.gateFailed
  }
}

function printProved(proved: ProvedTools): void {
  for (const name of proved.unprovable) note(`${name}: its contract has no proof; it was not tried`)
  for (const name of proved.alreadyProved) note(`${name}: proved before`)
  for (const { tool, state, reason, detail } of proved.tools) {
    const why = reason === null ? '' : `: ${reason}`
    printLine(`${tool}: ${state}${why}${detail === null ? '' : ` (${detail})`}`)
  }
  if (proved.tools.length === 0) printLine('nothing was tried')
}
