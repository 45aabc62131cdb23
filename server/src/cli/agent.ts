// airworthy agent enrol | list | show
import { readFile } from 'node:fs/promises'
import { text as readStream } from 'node:stream/consumers'
import type { EnrolledAgent } from '@airworthy/sdk'
import type { Command } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { readAll } from './pages.ts'
import { UsageError } from './failure.ts'
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

async function readManifest(file: string): Promise<string> {
  if (file === '-') return readStream(process.stdin)
  try {
    return await readFile(file, 'utf8')
  } catch {
    throw new UsageError(`there is no manifest that can be read at ${file}`)
  }
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
  if (globals.json === true) {
    printJson(detail)
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
}
