// airworthy upstream list
import type { Upstream, UpstreamKey } from '@airworthy/sdk'
import type { Command } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { note, printJson, printTable, shortTime } from './terminal.ts'

export function addUpstreamCommands(program: Command): void {
  program
    .command('upstream')
    .description('where models are served')
    .command('list')
    .description('list the health of upstreams, as the gateway process that answers sees it')
    .action((_, command: Command) => list(command))
}

async function list(command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const found = await client.listUpstreams()
  if (globals.json === true) {
    printJson(found)
    return
  }
  printTable(
    [
      'UPSTREAM',
      'MODEL',
      'STATE',
      'SINCE',
      'IN FLIGHT',
      'FIRST BYTE',
      'CALLS',
      'ERRORS',
      'EJECTED',
      'LAST ERROR',
      'KEYS AT REST',
    ],
    found.upstreams.map(rowOf),
  )
  if (found.upstreams.length === 0) {
    note('There are none yet: an upstream is listed from the first call of its model on.')
  }
  const { running, waiting, concurrencyMax } = found.admission
  note(
    `As replica ${found.replica ?? '-'} sees it at ${shortTime(found.at)}. ` +
      `Model calls: ${running} of ${concurrencyMax} running, ${waiting} waiting.`,
  )
}

function rowOf(each: Upstream): readonly (string | number | null)[] {
  const { lastError, firstByteMs } = each
  return [
    each.upstream,
    each.model,
    stateOf(each),
    shortTime(each.since),
    each.inFlight,
    firstByteMs === null ? null : `${firstByteMs} ms`,
    each.calls,
    each.errors,
    `${each.ejections}x`,
    lastError === null ? null : `${lastError.what} ${shortTime(lastError.at)}`,
    each.keys
      .filter((key) => key.state !== 'ready')
      .map(keyText)
      .join(', '),
  ]
}

function stateOf({ state, restsUntil, check }: Upstream): string {
  const rests = restsUntil === null ? '' : `, rests until ${shortTime(restsUntil)}`
  return `${state}${rests}${check?.isUp === false ? ', check fails' : ''}`
}

function keyText({ env, state, until }: UpstreamKey): string {
  return `${env ?? 'no key'} ${state} until ${shortTime(until)}`
}
