// airworthy log show | rotate
import type { LogShard } from '@airworthy/sdk'
import type { Command } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { note, printFields, printJson, printTable, shortTime } from './terminal.ts'

export function addLogCommands(program: Command): void {
  const log = program.command('log').description('the signed log: its shards and checkpoints')
  log
    .command('show')
    .description('list the shards, the keys that sign them, and their last checkpoints')
    .action((_, command: Command) => show(command))
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
  printTable(['shard', 'entries', 'signed', 'witnessed', 'at', 'state'], found.shards.map(rowOf))
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
    shard.name,
    shard.size,
    checkpoint?.size ?? '0',
    checkpoint === null ? '' : checkpoint.isWitnessed ? 'yes' : 'no',
    shortTime(checkpoint?.signedAt ?? null),
    shard.isOpen ? 'open' : 'closed',
  ]
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
