// airworthy handover list | show | take | say | call | give-back | close
import type { Handover, HandoverDetail, HandoverState, TranscriptStep } from '@airworthy/sdk'
import { type Command, Option } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { readAll } from './pages.ts'
import {
  cleanText,
  note,
  printFields,
  printJson,
  printLine,
  printTable,
  shortTime,
} from './terminal.ts'
import { readTextFile } from './text-file.ts'

const states = ['live', 'open', 'taken', 'returned', 'closed', 'all'] as const
/** Each opened step is an entry of the log, so a page is small. */
const stepsAtOnce = 50

type ShowOptions = { readonly transcript: boolean; readonly reason?: string }
type SayOptions = { readonly to: 'user' | 'agent' }
type CallOptions = { readonly args?: string; readonly run?: string }

export function addHandoverCommands(program: Command): void {
  const handover = program
    .command('handover')
    .description('sessions that are with a person instead of their agent')
  handover
    .command('list')
    .description('list those that wait or are taken, unless told otherwise')
    .addOption(new Option('--state <state>', 'which').choices(states).default('live'))
    .action((options: { state: HandoverState | 'live' | 'all' }, command: Command) =>
      list(options.state, command),
    )
  handover
    .command('show')
    .description('show where the agent stood, and what was said; reading it is logged')
    .argument('<handover>', 'its id')
    .option('--no-transcript', 'open no prompts, replies and arguments')
    .option('--reason <text>', 'why the transcript is read; an auditor must say')
    .action((id: string, options: ShowOptions, command: Command) => show(id, options, command))
  handover
    .command('take')
    .description('take it: from now on only you act in the session')
    .argument('<handover>', 'its id')
    .option('--from-another', 'although somebody else has it')
    .action((id: string, options: { fromAnother?: boolean }, command: Command) =>
      take(id, options, command),
    )
  addActing(handover)
}

/** What only whoever has taken it may do. */
function addActing(handover: Command): void {
  handover
    .command('say')
    .description('write to the end user, or to the agent for when it has the session back')
    .argument('<handover>', 'its id')
    .argument('<text>', 'the words; - reads them from standard input')
    .addOption(
      new Option('--to <whom>', 'who reads it').choices(['user', 'agent']).makeOptionMandatory(),
    )
    .action((id: string, text: string, options: SayOptions, command: Command) =>
      say(id, { ...options, text }, command),
    )
  handover
    .command('call')
    .description("call a tool in the agent's stead, under its pact and in your name")
    .argument('<handover>', 'its id')
    .argument('<tool>', 'server/tool')
    .option('--args <json>', 'the arguments, a JSON object; - reads it from standard input')
    .option('--run <name>', 'the run that the call is a step of')
    .action((id: string, tool: string, options: CallOptions, command: Command) =>
      call(id, { ...options, tool }, command),
    )
  handover
    .command('give-back')
    .description('give the session back: the agent goes on')
    .argument('<handover>', 'its id')
    .action((id: string, _, command: Command) => giveBack(id, command))
  handover
    .command('close')
    .description('close the session: the agent does not get it back')
    .argument('<handover>', 'its id')
    .action((id: string, _, command: Command) => close(id, command))
}

/** `airworthy session hand-over`. */
export function addHandOverCommand(session: Command): void {
  session
    .command('hand-over')
    .description('stop the agent of a session, and hand it to a person')
    .argument('<session>', 'its id')
    .requiredOption('--reason <text>', 'why; it is kept with the handover')
    .action(async (id: string, { reason }: { reason: string }, command: Command) => {
      const globals = globalOptions(command)
      const client = await connect(globals)
      tell(await client.handOverSession(id, { reason }), globals.json === true)
    })
}

async function list(state: HandoverState | 'live' | 'all', command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const handovers = await readAll(async (after) => {
    const page = await client.listHandovers({ state, ...after })
    return { items: page.handovers, next: page.next }
  })
  if (globals.json === true) {
    printJson({ handovers })
    return
  }
  if (handovers.length === 0) {
    printLine(state === 'live' ? 'No session waits for a person.' : 'There is no such handover.')
    return
  }
  printTable(
    ['HANDOVER', 'AGENT', 'TASK', 'CAUSE', 'STATE', 'TAKEN BY', 'SINCE'],
    handovers.map((each) => [
      each.id,
      each.agent,
      each.task,
      each.cause,
      each.state,
      each.takenBy,
      shortTime(each.openedAt),
    ]),
  )
}

async function show(id: string, options: ShowOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals, options.reason)
  const detail = await client.getHandover(id)
  const steps = options.transcript
    ? await readAll(async ({ after }) => {
        const from = after === undefined ? {} : { after }
        const page = await client.readTranscript(id, { ...from, limit: stepsAtOnce })
        return { items: page.steps, next: page.next }
      })
    : undefined
  if (globals.json === true) {
    printJson(steps === undefined ? detail : { ...detail, transcript: steps })
    return
  }
  printDetail(detail)
  for (const step of steps ?? []) printStep(step)
}

function printDetail(detail: HandoverDetail): void {
  const { handover, session, lastTool, lastModel } = detail
  printFields({
    handover: handover.id,
    session: handover.sessionId,
    agent: handover.agent,
    task: handover.task,
    'end user': handover.endUser,
    cause: handover.cause,
    reason: handover.reason === '' ? null : handover.reason,
    state: handover.takenBy === null ? handover.state : `${handover.state}, ${handover.takenBy}`,
    since: shortTime(handover.openedAt),
    calls: `${session.facts.modelCalls} of models, ${session.facts.toolCalls} of tools, ${session.facts.writes} writes`,
    'last tool': lastTool === null ? null : `${lastTool.action} ${lastTool.state}`,
    'last model': lastModel === null ? null : `${lastModel.action} ${lastModel.state}`,
  })
  for (const hold of detail.holds) {
    printLine(`waits for a vote: ${hold.action}, hold ${hold.holdId}`)
  }
  for (const effect of detail.openEffects) {
    printLine(`${effect.state}: ${cleanText(effect.action)}, call ${effect.callId}`)
  }
  for (const run of detail.runs) {
    printLine(
      `run ${run.name === null ? 'of the whole session' : cleanText(run.name)}: ${run.state}`,
    )
  }
}

function printStep(step: TranscriptStep): void {
  const by = step.operatorId === null ? '' : ` by operator ${step.operatorId}`
  const code = step.code === null ? '' : ` (${step.code})`
  const what =
    step.kind === 'message' ? `message to the ${step.action}` : `${step.kind} ${step.action}`
  printLine()
  printLine(`${shortTime(step.at)} ${cleanText(what)} ${step.state}${code}${by}`)
  for (const { role, text, isClipped } of step.said) {
    const lines = text.split('\n').map(cleanText)
    const more = isClipped === true ? ['... (cut here; see `airworthy audit payload`)'] : []
    for (const line of [...lines, ...more]) printLine(`  ${role}: ${line}`)
  }
}

async function take(
  id: string,
  { fromAnother }: { readonly fromAnother?: boolean },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const body = fromAnother === true ? { fromAnother } : {}
  tell(await client.takeHandover(id, body), globals.json === true)
}

async function say(
  id: string,
  { to, text }: SayOptions & { readonly text: string },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const words = text === '-' ? await readTextFile('-') : text
  tell(await client.sayInStead(id, { to, text: words }), globals.json === true)
}

async function call(
  id: string,
  { tool, args, run }: CallOptions & { readonly tool: string },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const called = await client.callInStead(id, {
    tool,
    ...(args === undefined ? {} : { arguments: await readArguments(args) }),
    ...(run === undefined ? {} : { run }),
  })
  // What was refused, held or failed is no success for a script.
  if (called.isError) process.exitCode = 1
  if (globals.json === true) {
    printJson(called)
    return
  }
  printFields({ call: called.callId, decision: called.decision })
  printLine(cleanText(JSON.stringify(called.result)))
}

async function readArguments(text: string): Promise<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text === '-' ? await readTextFile('-') : text)
  } catch (cause) {
    throw new UsageError('--args must be a JSON object', { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError('--args must be a JSON object')
  }
  return Object.fromEntries(Object.entries(value))
}

async function giveBack(id: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  tell(await client.giveBack(id), globals.json === true)
}

async function close(id: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const session = await client.closeHandover(id)
  if (globals.json === true) printJson(session)
  else printLine(`${session.id} is closed`)
}

function tell(handover: Handover, isJson: boolean): void {
  if (isJson) {
    printJson(handover)
    return
  }
  printFields({
    handover: handover.id,
    session: handover.sessionId,
    state: handover.takenBy === null ? handover.state : `${handover.state}, ${handover.takenBy}`,
  })
  if (handover.state === 'open') note(`airworthy handover take ${handover.id}`)
}
