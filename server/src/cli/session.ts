// airworthy session list | show | open | close | open-writes | close-writes | hand-over
import type { OpenSession, Session } from '@airworthy/sdk'
import { type Command, Option } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { readAll } from './pages.ts'
import { UsageError } from './failure.ts'
import { addHandOverCommand } from './handover.ts'
import { addFlowCommands, readScope, scopeFields } from './session-scope.ts'
import { dollars, printFields, printJson, printLine, printTable, shortTime } from './terminal.ts'

type ListOptions = { readonly agent?: string; readonly state?: Session['state'] }

type OpenOptions = {
  readonly task?: string
  readonly scope?: readonly string[]
  readonly endUser?: string
  readonly observe?: boolean
  readonly calls?: string
  readonly tokens?: string
  readonly inputTokens?: string
  readonly outputTokens?: string
  readonly money?: string
  readonly modelBaseUrl?: string
}

export function addSessionCommands(program: Command): void {
  const session = program.command('session').description('open sessions, and look at them')
  session
    .command('list')
    .description('list sessions in the order of their opening')
    .option('--agent <agent>', 'of this agent only')
    .addOption(
      new Option('--state <state>', 'only these').choices(['open', 'handed_over', 'closed']),
    )
    .action((options: ListOptions, command: Command) => list(options, command))
  session
    .command('show')
    .description('show a session with its calls')
    .argument('<session>', 'its id')
    .action((id: string, _, command: Command) => show(id, command))
  session
    .command('open')
    .description('open a session; its key is shown once')
    .argument('<agent>', 'the name or id of an agent')
    .option('--task <text>', 'what it is for: one of the tasks, if the manifest declares any')
    .option('--scope <name=value...>', 'data that it is for; name:=value is a number or a boolean')
    .option('--end-user <name>', 'whom the agent serves')
    .option('--observe', 'decide and record, but deny nothing')
    .option('--calls <n>', 'fewer calls than the pact allows')
    .option('--tokens <n>', 'fewer tokens')
    .option('--input-tokens <n>', 'fewer tokens of prompts')
    .option('--output-tokens <n>', 'fewer tokens of replies')
    .option('--money <usd>', 'less money, such as 0.50')
    .option('--model-base-url <url>', "replaces each model's base URL")
    .action((agent: string, options: OpenOptions, command: Command) =>
      open(agent, { options, command }),
    )
  session
    .command('close')
    .description('close a session: its key is refused from now on')
    .argument('<session>', 'its id')
    .action((id: string, _, command: Command) => close(id, command))
  addFlowCommands(session)
  addHandOverCommand(session)
}

async function list(options: ListOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const filter = {
    ...(options.agent === undefined ? {} : { agent: options.agent }),
    ...(options.state === undefined ? {} : { state: options.state }),
  }
  const sessions = await readAll(async (after) => {
    const page = await client.listSessions({ ...filter, ...after })
    return { items: page.sessions, next: page.next }
  })
  if (globals.json === true) {
    printJson({ sessions })
    return
  }
  printTable(
    ['SESSION', 'AGENT', 'STATE', 'MODE', 'TASK', 'CALLS', 'DENIED', 'HELD', 'COST', 'OPENED'],
    sessions.map((each) => [
      each.id,
      each.agent,
      each.state,
      each.mode,
      each.isDefault ? '(default)' : each.task,
      each.facts.modelCalls + each.facts.toolCalls,
      each.facts.denied,
      each.facts.held,
      dollars(each.facts.spentNanoUsd),
      shortTime(each.openedAt),
    ]),
  )
}

async function show(id: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const detail = await client.getSession(id)
  if (globals.json === true) {
    printJson(detail)
    return
  }
  const { session } = detail
  printFields({
    session: session.id,
    agent: session.agent,
    task: session.task,
    'end user': session.endUser,
    ...scopeFields(session),
    state: `${session.state}, ${session.mode}`,
    opened: shortTime(session.openedAt),
    cost: dollars(session.facts.spentNanoUsd),
  })
  for (const budget of detail.budgets) {
    printLine(`budget of ${budget.unit}: ${budget.settled} of ${budget.limit} settled`)
  }
  printLine()
  printTable(
    ['CALL', 'ACTION', 'DECISION', 'FLOW', 'STATE', 'CODE', 'COST', 'RULES'],
    detail.calls.map((call) => [
      call.id,
      call.action,
      call.enforced ? call.verdict : `would ${call.verdict}`,
      call.flow ?? '-',
      call.repeatOf === null ? call.state : 'repeated',
      call.code,
      dollars(call.costNanoUsd),
      call.reasons.map((reason) => reason.rule).join(', '),
    ]),
  )
  if (detail.callsNext !== null) printLine('... more calls: use the API')
}

async function open(
  agent: string,
  { options, command }: { readonly options: OpenOptions; readonly command: Command },
): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const opened = await client.openSession(requestOf(agent, options))
  if (globals.json === true) {
    printJson(opened)
    return
  }
  printFields({
    session: opened.session.id,
    'session key': opened.sessionKey,
    'model URL': opened.openaiBaseUrl,
    ...Object.fromEntries(
      Object.entries(opened.mcpUrls).map(([server, url]) => [`MCP URL of ${server}`, url]),
    ),
  })
}

function requestOf(agent: string, options: OpenOptions): OpenSession {
  const { task, scope, endUser, calls, tokens, money, modelBaseUrl } = options
  const { inputTokens, outputTokens } = options
  const limits = {
    ...(calls === undefined ? {} : { calls: wholeNumber('--calls', calls) }),
    ...(tokens === undefined ? {} : { tokens: wholeNumber('--tokens', tokens) }),
    ...(inputTokens === undefined
      ? {}
      : { inputTokens: wholeNumber('--input-tokens', inputTokens) }),
    ...(outputTokens === undefined
      ? {}
      : { outputTokens: wholeNumber('--output-tokens', outputTokens) }),
    ...(money === undefined ? {} : { moneyUsd: money }),
  }
  return {
    agent,
    limits,
    mode: options.observe === true ? 'observe' : 'enforce',
    ...(task === undefined ? {} : { task }),
    ...(scope === undefined ? {} : { scope: readScope(scope) }),
    ...(endUser === undefined ? {} : { endUser }),
    ...(modelBaseUrl === undefined ? {} : { modelBaseUrl }),
  }
}

function wholeNumber(option: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new UsageError(`${option} must be a whole number, but is ${JSON.stringify(text)}`)
}

async function close(id: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const session = await client.closeSession(id)
  if (globals.json === true) printJson(session)
  else printLine(`${session.id} is closed`)
}
