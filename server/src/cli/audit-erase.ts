// airworthy audit erase | erasures | retention
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, Erasure } from '@airworthy/sdk'
import { type Command, Option } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { readAll } from './pages.ts'
import { note, printFields, printJson, printLine, printTable, shortTime } from './terminal.ts'

type EraseOptions = {
  readonly reason: string
  readonly closeSessions?: boolean
  readonly wait: boolean
}

const pollMs = 1_000
const waitMsMax = 15 * 60_000

export function addAuditEraseCommands(audit: Command): void {
  audit
    .command('erase')
    .description('erase a person: destroy the keys of all that was kept of them, and the bytes')
    .argument('<subject>', 'as sessions name the person')
    .requiredOption('--reason <text>', 'why; do not name the person in it')
    .option('--close-sessions', 'close sessions of the person that are open')
    .option('--no-wait', 'do not wait until the bytes are deleted')
    .action((subject: string, options: EraseOptions, command: Command) =>
      erase(subject, options, command),
    )
  audit
    .command('erasures')
    .description('list erasures, and the entries that prove them')
    .action((_, command: Command) => listErasures(command))
  addRetentionCommands(audit)
}

function addRetentionCommands(audit: Command): void {
  const retention = audit.command('retention').description('for how long records are kept')
  retention
    .command('show')
    .description('show for how long each class is kept')
    .action((_, command: Command) => showRetention(command))
  retention
    .command('set')
    .description('set for how long a class is kept')
    .argument('<class>', 'log or payloads')
    .argument('<days>', 'such as 2557: 7 years')
    .action((name: string, days: string, _, command: Command) =>
      setRetention({ name, days }, command),
    )
  const hold = retention.command('hold').description('legal holds: what must not be deleted')
  hold
    .command('add')
    .description('keep the records of a person, of an agent, or everything')
    .addOption(new Option('--subject <subject>').conflicts('agent'))
    .addOption(new Option('--agent <agent>').conflicts('subject'))
    .requiredOption('--reason <text>', 'why')
    .action((options: { subject?: string; agent?: string; reason: string }, command: Command) =>
      addHold(options, command),
    )
  hold
    .command('list')
    .description('list legal holds')
    .action((_, command: Command) => listHolds(command))
  hold
    .command('release')
    .description('release a legal hold')
    .argument('<hold>', 'its id')
    .action((id: string, _, command: Command) => releaseHold(id, command))
}

async function erase(subject: string, options: EraseOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const requested = await client.requestErasure({
    subject,
    reason: options.reason,
    ...(options.closeSessions === true ? { closeSessions: true } : {}),
  })
  if (globals.json !== true) note('The keys are destroyed. The bytes follow within a minute.')
  const erasure = options.wait ? await waitUntilDone(client, requested) : requested
  if (globals.json === true) printJson(erasure)
  else printErasure(erasure)
}

async function waitUntilDone(client: Client, requested: Erasure): Promise<Erasure> {
  const until = performance.now() + waitMsMax
  let erasure = requested
  while (erasure.state !== 'done' && performance.now() < until) {
    await sleep(pollMs)
    erasure = await client.getErasure(requested.id)
  }
  return erasure
}

function printErasure(erasure: Erasure): void {
  printFields({
    erasure: erasure.id,
    subject: erasure.subject,
    state: erasure.state,
    'keys destroyed': erasure.keys,
    'payloads deleted': erasure.payloads,
    sessions: erasure.sessions,
    requested: `${shortTime(erasure.requestedAt)}, entry ${erasure.requestedEntry}`,
    done:
      erasure.doneEntry === null
        ? null
        : `${shortTime(erasure.doneAt)}, entry ${erasure.doneEntry}`,
  })
}

async function listErasures(command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const erasures = await readAll(async (after) => {
    const page = await client.listErasures(after)
    return { items: page.erasures, next: page.next }
  })
  if (globals.json === true) {
    printJson({ erasures })
    return
  }
  printTable(
    ['ERASURE', 'STATE', 'REQUESTED', 'KEYS', 'PAYLOADS', 'ENTRIES'],
    erasures.map((each) => [
      each.id,
      each.state,
      shortTime(each.requestedAt),
      each.keys,
      each.payloads,
      `${each.requestedEntry} ${each.doneEntry ?? ''}`,
    ]),
  )
}

async function showRetention(command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const retention = await client.getRetention()
  if (globals.json === true) printJson(retention)
  else printRetention(retention.classes)
}

function printRetention(
  classes: readonly { class: string; days: number; setAt: string | null }[],
): void {
  printTable(
    ['CLASS', 'DAYS', 'SET'],
    classes.map((each) => [
      each.class,
      each.days,
      each.setAt === null ? 'default' : shortTime(each.setAt),
    ]),
  )
}

async function setRetention(
  given: { readonly name: string; readonly days: string },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const { name } = given
  if (name !== 'log' && name !== 'payloads') throw new UsageError('a class is log or payloads')
  const client = await connect(globals)
  const retention = await client.setRetention({ class: name, days: Number(given.days) })
  if (globals.json === true) printJson(retention)
  else printRetention(retention.classes)
}

async function addHold(
  options: { readonly subject?: string; readonly agent?: string; readonly reason: string },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const { subject, agent, reason } = options
  const hold = await client.placeLegalHold({
    reason,
    ...(subject === undefined ? {} : { subject }),
    ...(agent === undefined ? {} : { agent }),
  })
  if (globals.json === true) printJson(hold)
  else printLine(`${hold.id} keeps ${hold.agent ?? hold.subject ?? 'everything'}`)
}

async function listHolds(command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const legalHolds = await readAll(async (after) => {
    const page = await client.listLegalHolds(after)
    return { items: page.legalHolds, next: page.next }
  })
  if (globals.json === true) {
    printJson({ legalHolds })
    return
  }
  printTable(
    ['HOLD', 'KEEPS', 'REASON', 'PLACED', 'RELEASED'],
    legalHolds.map((hold) => [
      hold.id,
      hold.agent ?? hold.subject ?? 'everything',
      hold.reason,
      shortTime(hold.placedAt),
      shortTime(hold.releasedAt),
    ]),
  )
}

async function releaseHold(id: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const hold = await client.releaseLegalHold(id)
  if (globals.json === true) printJson(hold)
  else printLine(`${hold.id} is released`)
}
