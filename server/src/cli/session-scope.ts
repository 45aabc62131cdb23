// The data scopes of a session, and its write flow, on the command line.
import type { Session, SessionScope } from '@airworthy/sdk'
import type { Command } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { printJson, printLine, shortTime } from './terminal.ts'

/** `name=value` is text, `name:=value` a number or a boolean. Throws `UsageError`. */
export function readScope(pairs: readonly string[]): SessionScope {
  return Object.fromEntries(pairs.map(readPair))
}

function readPair(pair: string): [string, string | number | boolean] {
  const [, name = '', isTyped, value = ''] = /^([^=:]+)(:?)=(.*)$/s.exec(pair) ?? []
  if (name === '') {
    throw new UsageError(`--scope must be name=value, but is ${JSON.stringify(pair)}`)
  }
  if (isTyped === '') return [name, value]
  if (value === 'true' || value === 'false') return [name, value === 'true']
  if (/^-?\d{1,15}$/.test(value)) return [name, Number(value)]
  throw new UsageError(`--scope ${name}:= must be a whole number, true or false`)
}

/** What `session show` prints of them. */
export function scopeFields(session: Session): Record<string, string> {
  const scope = Object.entries(session.scope)
    .map(([name, value]) => `${name}=${value}`)
    .toSorted()
  const { flow } = session
  const since = flow === null ? '' : `since ${shortTime(flow.since)}`
  const state = flow?.state === 'open' ? `open ${since}, ${flow.writes} writes` : `closed ${since}`
  return {
    ...(scope.length === 0 ? {} : { scope: scope.join(', ') }),
    ...(flow === null ? {} : { 'write flow': state }),
  }
}

export function addFlowCommands(session: Command): void {
  const add = (name: string, flow: 'read' | 'write', description: string): void => {
    session
      .command(name)
      .description(description)
      .argument('<session>', 'its id')
      .option('--reason <text>', 'why; its hash goes to the log')
      .action((id: string, options: { reason?: string }, command: Command) =>
        setFlow(id, { flow, ...options }, command),
      )
  }
  add('open-writes', 'write', 'let a session write, whatever the condition of its write flow says')
  add('close-writes', 'read', 'let a session only read, until its writes are opened again')
}

async function setFlow(
  id: string,
  request: { readonly flow: 'read' | 'write'; readonly reason?: string },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const { flow, reason } = request
  const session = await client.setFlow(id, { flow, ...(reason === undefined ? {} : { reason }) })
  if (globals.json === true) printJson(session)
  else printLine(`${session.id} ${flow === 'write' ? 'may write' : 'may only read'}`)
}
