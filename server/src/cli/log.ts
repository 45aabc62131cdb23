// airworthy log show | check | entries | rotate
import type { LogShard } from '@airworthy/sdk'
import type { Command } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { exitCodes } from './failure.ts'
import { note, printFields, printJson, printLine, printTable, shortTime } from './terminal.ts'

type EntriesOptions = { readonly log?: string; readonly after?: string; readonly limit: string }

export function addLogCommands(program: Command): void {
  const log = program.command('log').description('the signed log: its shards and checkpoints')
  log
    .command('show')
    .description('list the shards, the keys that sign them, and their last checkpoints')
    .action((_, command: Command) => show(command))
  log
    .command('check')
    .description('check a shard: gaps, the chains of agents, calls without an outcome')
    .option('--log <id>', 'which shard; the open one by default')
    .action((options: { log?: string }, command: Command) => check(options, command))
  log
    .command('entries')
    .description('print entries as they are in the log, one a line')
    .option('--log <id>', 'which shard; the open one by default')
    .option('--after <number>', 'continue after this entry')
    .option('--limit <count>', 'at most so many', '100')
    .action((options: EntriesOptions, command: Command) => entries(options, command))
  log
    .command('rotate')
    .description('close the shard; the next one begins with its final checkpoint')
    .action((_, command: Command) => rotate(command))
}

async function show(command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const found = await client.listShards()
  if (globals.json === true) {
    printJson(found)
    return
  }
  printTable(
    ['log', 'shard', 'entries', 'signed', 'witnessed', 'at', 'state'],
    found.shards.map(rowOf),
  )
  const open = found.shards.at(-1)
  printFields({
    'key of the log': open?.keys[0] ?? null,
    'key of its mirror': open?.keys[1] ?? null,
    'key as a witness': found.witnessKey,
  })
}

function rowOf(shard: LogShard): readonly string[] {
  const { checkpoint } = shard
  return [
    shard.logId,
    shard.name,
    shard.size,
    checkpoint?.size ?? '0',
    checkpoint === null ? '' : checkpoint.isWitnessed ? 'yes' : 'no',
    shortTime(checkpoint?.signedAt ?? null),
    shard.deletion?.state === 'done' ? 'deleted' : shard.isOpen ? 'open' : 'closed',
  ]
}

async function check(options: { readonly log?: string }, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const found = await client.getLog(options)
  const isWhole = found.gaps === 0 && found.agentGaps === 0 && found.brokenLinks === 0
  if (!isWhole) process.exitCode = exitCodes.gateFailed
  if (globals.json === true) {
    printJson(found)
    return
  }
  printFields({
    log: found.logId,
    entries: found.size,
    'of them read': found.entriesChecked,
    gaps: found.gaps,
    'gaps of agents': found.agentGaps,
    'broken links': found.brokenLinks,
    'calls without an outcome': found.callsWithoutOutcome,
  })
}

async function entries(options: EntriesOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const { log, after } = options
  const page = await client.listEntries({
    ...(log === undefined ? {} : { log }),
    ...(after === undefined ? {} : { after }),
    limit: Number(options.limit),
  })
  if (globals.json === true) printJson(page)
  else for (const { entry } of page.entries) printLine(entry)
}

async function rotate(command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const closed = await client.rotateLog()
  if (globals.json === true) {
    printJson(closed)
    return
  }
  printFields({ closed: closed.name, entries: closed.size })
  note('Calls wait a second or two, until its final checkpoint is signed and the next shard open.')
}
