// The processes of a start: Airworthy's server, the shop, and commands of the CLI.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import type { Environment } from './options.ts'

const START_TIMEOUT_MS = 120_000
/** Longer than the server gives its own calls to end. */
const STOP_TIMEOUT_MS = 40_000
const COMMAND_TIMEOUT_MS = 60_000
const OUTPUT_CHARS_MAX = 1_000_000

export const checkout = join(import.meta.dirname, '../..')
const cli = join(checkout, 'server/bin/airworthy.js')
const shopServer = join(checkout, 'examples/retail/server.ts')

// Packages of this checkout resolve in a child as they do here: to their source, or to their build.
const conditions = process.execArgv.filter((argument) => argument.startsWith('--conditions='))

/** Its message is for the operator, whole: no stack, nothing to add. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

export type RunningProcess = {
  readonly name: string
  /** Resolves when the process is gone, whoever ended it. */
  readonly ended: Promise<void>
  readonly stop: () => Promise<void>
  /** No farewell. */
  readonly kill: () => void
}

export type Server = RunningProcess & {
  readonly url: string
  readonly dataDir: string
  readonly operatorKeyFile: string
  readonly isEmbedded: boolean
  readonly databaseUrl: string
}

const readySchema = z.looseObject({
  listening: z.string(),
  dataDir: z.string(),
  operatorKeyFile: z.string(),
  embedded: z.boolean(),
})
const postgresSchema = z.looseObject({ url: z.string() })
const failureSchema = z.looseObject({
  error: z.looseObject({ code: z.string(), message: z.string() }),
})

type OnStarted = (started: RunningProcess) => void

/** Starts `airworthy serve`. Throws `StartError` with the server's own line when it does not. */
export async function startServer(options: {
  readonly environment: Environment
  readonly port: string | undefined
  readonly dataDir: string | undefined
  /** Told at once: what was started must be stopped, ready or not. */
  readonly onStarted: OnStarted
}): Promise<Server> {
  const { environment, port, dataDir } = options
  const started = startProcess({
    name: 'airworthy serve',
    args: [
      cli,
      'serve',
      '--json',
      ...(port === undefined ? [] : ['--port', port]),
      ...(dataDir === undefined ? [] : ['--data', dataDir]),
    ],
    environment,
  })
  options.onStarted(started.process)
  const ready = readySchema.parse(await started.ready)
  const { listening, operatorKeyFile, embedded } = ready
  const given = environment['DATABASE_URL']
  const databaseUrl = embedded || given === undefined ? await readPostgres(ready.dataDir) : given
  return {
    ...started.process,
    url: listening,
    dataDir: ready.dataDir,
    operatorKeyFile,
    isEmbedded: embedded,
    databaseUrl,
  }
}

async function readPostgres(dataDir: string): Promise<string> {
  const text = await readFile(join(dataDir, 'postgres.json'), 'utf8')
  return postgresSchema.parse(JSON.parse(text)).url
}

export type Shop = RunningProcess & { readonly mcpUrl: string }

/** Starts the example shop over HTTP, on `port` if it is free and else on any. */
export async function startShop(options: {
  readonly environment: Environment
  readonly databaseUrl: string
  readonly seedNumber: number
  readonly port: number | undefined
  /** Told at once: what was started must be stopped, ready or not. */
  readonly onStarted: OnStarted
}): Promise<Shop> {
  const start = async (port: number): Promise<Shop> => {
    const seed = ['--seed', 'generated', '--seed-number', String(options.seedNumber)]
    const started = startProcess({
      name: 'the example shop',
      args: [...conditions, shopServer, '--http', '--port', String(port), ...seed],
      environment: {
        ...inherited(options.environment),
        RETAIL_DATABASE_URL: options.databaseUrl,
      },
    })
    options.onStarted(started.process)
    const { listening } = z.looseObject({ listening: z.string() }).parse(await started.ready)
    return { ...started.process, mcpUrl: listening }
  }
  if (options.port === undefined) return start(0)
  return start(options.port).catch(() => start(0))
}

/** Runs a command of the CLI, as an operator does, and gives what it printed as JSON. */
export async function runCli(options: {
  readonly environment: Environment
  readonly server: Pick<Server, 'url' | 'dataDir'>
  readonly args: readonly string[]
}): Promise<unknown> {
  const { environment, server, args } = options
  const where = ['--json', '--url', server.url, '--data', server.dataDir]
  const child = spawn(process.execPath, [cli, ...args, ...where], {
    cwd: checkout,
    env: inherited(environment),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: COMMAND_TIMEOUT_MS,
  })
  const output = collect(child)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code === 0) return JSON.parse(output.stdout())
  throw new StartError(
    `airworthy ${args.join(' ')}: ${failureText(output.stdout(), output.stderr())}`,
  )
}

/** What a process without secrets of its own needs of ours. */
function inherited(environment: Environment): Record<string, string> {
  const names = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'SystemRoot', 'NODE_COMPILE_CACHE']
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = environment[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

type Started = { readonly process: RunningProcess; readonly ready: Promise<unknown> }

/** A process that prints one line of JSON when it is ready. */
function startProcess(options: {
  readonly name: string
  readonly args: readonly string[]
  readonly environment: Environment
}): Started {
  const { name } = options
  const child = spawn(process.execPath, options.args, {
    cwd: checkout,
    env: options.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C must not end the shop while the server still drains its calls.
    detached: true,
  })
  const output = collect(child)
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('exit', () => {
      // A PostgreSQL that outlives its server may hold the pipes, and they would hold us.
      setImmediate(() => {
        child.stdout.destroy()
        child.stderr.destroy()
        resolve()
      })
    })
  })
  const kill = () => killGroup(child)
  const ready = readyLine(child, { name, output, ended }).then((line) => {
    // From here on it is the operator's to read.
    child.stderr.on('data', (chunk: Buffer) => process.stderr.write(chunk))
    return line
  })
  const stop = () => stopProcess(child, { ended, kill })
  return { process: { name, ended, stop, kill }, ready }
}

type Output = { readonly stdout: () => string; readonly stderr: () => string }

function collect(child: ChildProcess): Output {
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (chunk: Buffer) => {
      if (text[name].length < OUTPUT_CHARS_MAX) text[name] += chunk.toString('utf8')
    })
  }
  return { stdout: () => text.stdout, stderr: () => text.stderr }
}

function readyLine(
  child: ChildProcess,
  { name, output, ended }: { name: string; output: Output; ended: Promise<void> },
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      clearTimeout(timer)
      reject(new StartError(reason))
    }
    const timer = setTimeout(() => {
      killGroup(child)
      fail(`${name} was not ready after ${START_TIMEOUT_MS / 1000} seconds`)
    }, START_TIMEOUT_MS)
    child.once('error', (error) => fail(`${name} cannot be started: ${error.message}`))
    void ended.then(() => fail(failureText(output.stdout(), output.stderr())))
    if (child.stdout === null) return fail(`${name} has no output`)
    createInterface({ input: child.stdout }).on('line', (line) => {
      const value = parseJson(line)
      // A failure is printed over several lines, none of which is a whole document.
      if (typeof value !== 'object' || value === null || !('listening' in value)) return
      clearTimeout(timer)
      resolve(value)
    })
  })
}

/** What a process of ours said of its failure: one line. */
function failureText(stdout: string, stderr: string): string {
  const { data } = failureSchema.safeParse(parseJson(stdout))
  if (data === undefined) return stderr.trim().split('\n').at(-1) || 'it ended without a word'
  return `${data.error.code}: ${data.error.message}`
}

function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    return undefined
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}

async function stopProcess(
  child: ChildProcess,
  { ended, kill }: { ended: Promise<void>; kill: () => void },
): Promise<void> {
  if (!hasEnded(child)) child.kill('SIGTERM')
  const timer = setTimeout(kill, STOP_TIMEOUT_MS)
  await ended
  clearTimeout(timer)
}

/** The launcher and the server behind it are one group. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || hasEnded(child)) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It ended between the question and the signal.
  }
}
