// airworthy audit erase | erasures
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, Erasure } from '@airworthy/sdk'
import type { Command } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { readAll } from './pages.ts'
import { note, printFields, printJson, printTable, shortTime } from './terminal.ts'

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
