// airworthy audit retention show | set | delete-shard | hold
import { setTimeout as sleep } from 'node:timers/promises'
import type { Retention, ShardDeletion, ShardRetention } from '@airworthy/sdk'
import { type Command, Option } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { readAll } from './pages.ts'
import { note, printFields, printJson, printLine, printTable, shortTime } from './terminal.ts'

const pollMs = 1_000
const waitMsMax = 15 * 60_000

export function addAuditRetentionCommands(audit: Command): void {
  const retention = audit.command('retention').description('for how long records are kept')
  retention
    .command('show')
    .description('show for how long each class is kept, and which shards of the log may be deleted')
    .action((_, command: Command) => showRetention(command))
  retention
    .command('set')
    .description('set for how long a class is kept')
    .argument('<class>', 'log or payloads')
    .argument('<days>', 'such as 2557: 7 years')
    .action((name: string, days: string, _, command: Command) =>
      setRetention({ name, days }, command),
    )
  retention
    .command('delete-shard')
    .description('delete a closed shard of the log that is past its time; an entry says so first')
    .argument('<log>', 'its id, as `audit retention show` lists it')
    .requiredOption('--reason <text>', 'why; do not name a person in it')
    .option('--no-wait', 'do not wait until it is deleted')
    .action((log: string, options: { reason: string; wait: boolean }, command: Command) =>
      deleteShard({ log, ...options }, command),
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

async function showRetention(command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const retention = await client.getRetention()
  if (globals.json === true) printJson(retention)
  else {
    printRetention(retention.classes)
    printShards(retention.shards)
  }
}

function printRetention(classes: Retention['classes']): void {
  printTable(
    ['CLASS', 'DAYS', 'SET'],
    classes.map((each) => [
      each.class,
      each.days,
      each.setAt === null ? 'default' : shortTime(each.setAt),
    ]),
  )
}

function printShards(shards: readonly ShardRetention[]): void {
  printTable(
    ['LOG', 'SHARD', 'ENTRIES', 'NEWEST', 'MAY BE DELETED', 'STATE'],
    shards.map((shard) => [
      shard.logId,
      shard.name,
      shard.size,
      shortTime(shard.newestAt),
      shortTime(shard.dueAt),
      stateOf(shard),
    ]),
  )
}

const kept = {
  open: 'open',
  not_signed: 'kept: its final checkpoint is not signed yet',
  not_due: 'kept: not past its time',
  legal_hold: 'kept: legal hold',
}

function stateOf({ keptBy, legalHolds, deletion }: ShardRetention): string {
  if (deletion !== null) return deletionState(deletion)
  if (keptBy === null) return 'may be deleted'
  return keptBy === 'legal_hold' ? `${kept.legal_hold} ${legalHolds.join(', ')}` : kept[keptBy]
}

function deletionState({ state, stoppedBy, doneAt, announcedEntry }: ShardDeletion): string {
  if (state === 'done') return `deleted ${shortTime(doneAt)}, announced by entry ${announcedEntry}`
  const waits = stoppedBy === null ? '' : `, waits: ${stoppedBy}`
  return `${state === 'deleting' ? 'being deleted' : 'to be deleted'}${waits}`
}

async function deleteShard(
  given: { readonly log: string; readonly reason: string; readonly wait: boolean },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const { log, reason } = given
  let deletion = await client.deleteShard({ log, reason })
  if (globals.json !== true) note(`Entry ${deletion.announcedEntry} announces it.`)
  const until = performance.now() + (given.wait ? waitMsMax : 0)
  while (deletion.state !== 'done' && deletion.stoppedBy === null && performance.now() < until) {
    await sleep(pollMs)
    const { shards } = await client.getRetention()
    deletion = shards.find((shard) => shard.logId === log)?.deletion ?? deletion
  }
  if (globals.json === true) printJson(deletion)
  else printDeletion(deletion)
}

function printDeletion(deletion: ShardDeletion): void {
  printFields({
    log: deletion.logId,
    entries: deletion.size,
    state: deletionState(deletion),
    files: deletion.objects,
    announced: `${shortTime(deletion.announcedAt)}, entry ${deletion.announcedEntry}`,
    done:
      deletion.doneEntry === null
        ? null
        : `${shortTime(deletion.doneAt)}, entry ${deletion.doneEntry}`,
  })
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
