// airworthy serve: runs the server until it is told to stop.
import type { Command } from 'commander'
import { type Config, readConfig } from '../config.ts'
import { globalOptions, type GlobalOptions } from './connection.ts'
import { exitCodes } from './failure.ts'
import { note, printFields, printLine } from './terminal.ts'

type ServeOptions = {
  readonly port?: string
  readonly host?: string
  readonly databaseUrl?: string
  readonly newOperatorKey?: boolean
}

/** The time that open calls have to end before the process ends without them. */
const stopMsMax = 30_000
/** One Ctrl-C reaches this process twice when a launcher passes on what the terminal sent too. */
const sameSignalMs = 1_000

export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('run gateway and control API')
    .option('--port <port>', 'where to listen; 0 takes any free port (AIRWORTHY_PORT; 4100)')
    .option('--host <host>', 'where to listen (AIRWORTHY_HOST; 127.0.0.1)')
    .option('--database-url <url>', 'your own PostgreSQL (DATABASE_URL); else the embedded one')
    .option('--new-operator-key', 'revoke the operator key, and write a new one')
    .action((options: ServeOptions, command: Command) => serve(options, globalOptions(command)))
}

async function serve(options: ServeOptions, globals: GlobalOptions): Promise<void> {
  const isJson = globals.json === true
  const config = readConfig(undefined, {
    dataDir: globals.data,
    databaseUrl: options.databaseUrl,
    host: options.host,
    port: options.port,
  })
  // Before the start: a start that is interrupted must still stop what it has started.
  const told = awaitSignal()
  // Loaded here, because no other command needs the server.
  const { startServer } = await import('../main.ts')
  const server = await startServer(config, {
    log: writeLog,
    onProgress: isJson ? () => undefined : note,
    newOperatorKey: options.newOperatorKey === true,
  })
  if (isJson) printReadyLine(config, server)
  else printReady(config, server)
  // `failed` rejects when the server cannot go on; then stopping is all that is left.
  const failure = await Promise.race([told, server.failed.catch((thrown: unknown) => ({ thrown }))])
  if (!isJson) note('airworthy: stopping; calls in flight are given time to end')
  await stopInTime(server)
  if (failure !== undefined) throw failure.thrown
}

type Started = {
  readonly url: string
  readonly operatorKeyFile: string
  readonly embedded: boolean
  readonly stop: () => Promise<void>
}

function printReadyLine(config: Config, server: Started): void {
  const ready = {
    listening: server.url,
    dataDir: config.dataDir,
    operatorKeyFile: server.operatorKeyFile,
    databaseUrl: config.databaseUrl === undefined ? null : '(hidden)',
    embedded: server.embedded,
    pid: process.pid,
  }
  printLine(JSON.stringify(ready))
}

function printReady(config: Config, server: Started): void {
  printLine('Airworthy is ready.')
  printFields({
    '  listening': server.url,
    '  database': server.embedded ? `embedded, in ${config.dataDir}` : 'your own',
    '  operator key': server.operatorKeyFile,
    '  enrol an agent': 'airworthy agent enrol -f agent.yaml',
    '  stop': 'Ctrl-C',
  })
}

/** Resolves at the first signal; a second one ends the process at once. */
function awaitSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    let firstAt: number | undefined
    const hear = (): void => {
      const now = performance.now()
      if (firstAt === undefined) {
        firstAt = now
        resolve(undefined)
      } else if (now - firstAt > sameSignalMs) {
        process.exit(130)
      }
    }
    process.on('SIGINT', hear)
    process.on('SIGTERM', hear)
    // A terminal that goes away ends the server like any other request to stop.
    process.on('SIGHUP', hear)
  })
}

async function stopInTime(server: Started): Promise<void> {
  const late = setTimeout(() => {
    note(`airworthy: still stopping after ${stopMsMax / 1000} seconds, so it ends now`)
    process.exit(exitCodes.error)
  }, stopMsMax)
  await server.stop()
  clearTimeout(late)
}

/** One JSON object a line: what an operator's log collector reads. */
function writeLog(message: string, fields: Readonly<Record<string, unknown>> = {}): void {
  const at = new Date().toISOString()
  process.stderr.write(`${JSON.stringify({ at, message, ...fields }, plainErrors)}\n`)
}

function plainErrors(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (!(value instanceof Error)) return value
  const { name, message, stack, cause } = value
  return { name, message, stack, ...(cause === undefined ? {} : { cause }) }
}
