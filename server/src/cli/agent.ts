// airworthy agent enrol | list | show
import type { EnrolledAgent } from '@airworthy/sdk'
import type { Command } from 'commander'
import { addAgentKeyCommands } from './agent-keys.ts'
import { connect, globalOptions } from './connection.ts'
import { readManifest } from './manifest-file.ts'
import { printTools } from './tool.ts'
import { readAll } from './pages.ts'
import { note, printFields, printJson, printLine, printTable, shortTime } from './terminal.ts'

export function addAgentCommands(program: Command): void {
  const agent = program.command('agent').description('enrol agents, and look at them')
  agent
    .command('enrol')
    .description('enrol an agent, or change an enrolled one')
    .requiredOption('-f, --file <file>', 'the manifest; - reads it from standard input')
    .option('--new-key', 'issue one more API key')
    .action((options: { file: string; newKey?: boolean }, command: Command) =>
      enrol(options, command),
    )
  agent
    .command('list')
    .description('list the enrolled agents')
    .action((_, command: Command) => list(command))
  agent
    .command('show')
    .description('show an agent: versions, pacts, keys, budgets')
    .argument('<agent>', 'its name or id')
    .action((name: string, _, command: Command) => show(name, command))
  addAgentKeyCommands(agent)
}

async function enrol(
  options: { readonly file: string; readonly newKey?: boolean },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const manifest = await readManifest(options.file)
  const enrolled = await client.enrolAgent({
    manifest,
    file: options.file,
    ...(options.newKey === true ? { newKey: true } : {}),
  })
  if (globals.json === true) printJson(enrolled)
  else printEnrolled(enrolled)
}

function printEnrolled({ agent, created, apiKey, warnings }: EnrolledAgent): void {
  for (const warning of warnings) note(`warning: ${warning}`)
  printFields({
    agent: `${agent.name} (${created.agent ? 'new' : 'known'}) ${agent.id}`,
    version: `${agent.version.number} (${created.version ? 'new' : 'unchanged'})`,
    pact: `${agent.pact.number} (${created.pact ? 'new' : 'unchanged'})`,
  })
  if (apiKey === null) return
  printLine(`api key  ${apiKey}`)
  note('The API key is shown this once. Only its hash is stored.')
}

async function list(command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const agents = await readAll(async (after) => {
    const page = await client.listAgents(after)
    return { items: page.agents, next: page.next }
  })
  if (globals.json === true) {
    printJson({ agents })
    return
  }
  printTable(
    ['NAME', 'VERSION', 'PACT', 'STAKES', 'OWNER', 'ENROLLED', 'ID'],
    agents.map((each) => [
      each.name,
      each.version.number,
      each.pact.number,
      each.stakes,
      each.owner,
      shortTime(each.createdAt),
      each.id,
    ]),
  )
}

async function show(name: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const detail = await client.getAgent(name)
  const { tools } = await client.listTools(name)
  if (globals.json === true) {
    printJson({ ...detail, tools })
    return
  }
  const { agent } = detail
  printFields({
    agent: `${agent.name} ${agent.id}`,
    owner: agent.owner,
    stakes: agent.stakes,
    version: `${agent.version.number} ${agent.version.fingerprint}`,
    pact: `${agent.pact.number} ${agent.pact.hash}`,
  })
  printLine()
  printTable(
    ['KEY', 'PREFIX', 'ISSUED', 'REVOKED'],
    detail.keys.map((key) => [
      key.id,
      `${key.prefix}...`,
      shortTime(key.createdAt),
      shortTime(key.revokedAt),
    ]),
  )
  printLine()
  printTable(
    ['BUDGET', 'LIMIT', 'SETTLED', 'RESERVED', 'LEASED', 'UNKNOWN'],
    detail.budgets.map((budget) => [
      budget.unit,
      budget.limit,
      budget.settled,
      budget.reserved,
      budget.leased,
      budget.unknown,
    ]),
  )
  if (tools.length === 0) return
  printLine()
  printTools(tools)
}
