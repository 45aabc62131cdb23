// The processes a replay needs when it is not given any: Airworthy's server and the shop.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'

const START_TIMEOUT_MS = 120_000
const STOP_TIMEOUT_MS = 20_000
const LINES_KEPT = 40

// Packages of this checkout resolve in a child as they do here: to their source, or to their build.
const conditions = process.execArgv.filter((argument) => argument.startsWith('--conditions='))

const checkout = join(import.meta.dirname, '../..')

export type Server = {
  readonly url: string
  readonly dataDirectory: string
  readonly operatorKeyFile: string
  /** The process that serves: not the launcher in front of it. */
  readonly pid: number
  readonly stop: () => Promise<void>
  /** No farewell: SIGKILL, and the wait until the process is gone. */
  readonly kill: () => Promise<void>
  /** The last lines it wrote. */
  readonly output: () => string
}

export type ShopProcess = { readonly mcpUrl: string; readonly stop: () => Promise<void> }

const readySchema = z.looseObject({
  listening: z.string(),
  dataDir: z.string(),
  operatorKeyFile: z.string(),
  pid: z.int(),
})
const postgresSchema = z.looseObject({ url: z.string(), pid: z.int() })

export function createDataDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'airworthy-replay-'))
}

/** Removes a data directory that `createDataDirectory` made, and the PostgreSQL left in it. */
export async function removeDataDirectory(directory: string): Promise<void> {
  const left = await readPostgres(directory).catch(() => undefined)
  if (left !== undefined && (await runsIn(left.pid, directory))) process.kill(left.pid, 'SIGINT')
  await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
}

// The number may long be another process's: only one whose command line names the directory is ours.
async function runsIn(pid: number, directory: string): Promise<boolean> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return line.includes(directory)
}

/** Starts `airworthy serve` on a data directory; port 0 takes a free one. */
export async function startServer(options: {
  dataDirectory: string
  port: number
  databaseUrl?: string
}): Promise<Server> {
  const { DATABASE_URL: _, ...inherited } = process.env
  const env = {
    ...inherited,
    AIRWORTHY_DATA: options.dataDirectory,
    ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
  }
  const started = startProcess({
    name: 'airworthy serve',
    args: ['server/bin/airworthy.js', 'serve', '--json', '--port', String(options.port)],
    env,
  })
  const ready = readySchema.parse(JSON.parse(await started.firstLine))
  return {
    url: ready.listening,
    dataDirectory: ready.dataDir,
    operatorKeyFile: ready.operatorKeyFile,
    pid: ready.pid,
    stop: started.stop,
    kill: async () => {
      process.kill(ready.pid, 'SIGKILL')
      await started.release()
    },
    output: started.output,
  }
}

/** The address of the embedded PostgreSQL of a server, and its process. */
export async function readPostgres(dataDirectory: string): Promise<z.infer<typeof postgresSchema>> {
  const text = await readFile(join(dataDirectory, 'postgres.json'), 'utf8')
  return postgresSchema.parse(JSON.parse(text))
}

/** Starts the retail shop over HTTP, seeded with tau2's database. */
export async function startShop(options: {
  databaseUrl: string
  seedDirectory: string
  delayMs?: number
  delayAfterCommitMs?: number
}): Promise<ShopProcess> {
  const started = startProcess({
    name: 'the shop',
    args: [
      ...conditions,
      'examples/retail/server.ts',
      '--http',
      `--seed=${options.seedDirectory}`,
      `--delay-ms=${options.delayMs ?? 0}`,
      `--delay-after-commit-ms=${options.delayAfterCommitMs ?? 0}`,
    ],
    env: { ...process.env, RETAIL_DATABASE_URL: options.databaseUrl },
  })
  const line = z.looseObject({ listening: z.string() })
  const { listening } = line.parse(JSON.parse(await started.firstLine))
  return { mcpUrl: listening, stop: started.stop }
}

function startProcess(options: {
  name: string
  args: string[]
  env: Record<string, string | undefined>
}) {
  const child = spawn(process.execPath, options.args, {
    cwd: checkout,
    env: options.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const keep = (line: string) => {
    lines.push(line)
    if (lines.length > LINES_KEPT) lines.shift()
  }
  createInterface({ input: child.stderr }).on('line', keep)
  createInterface({ input: child.stdout }).on('line', keep)
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
  })
  // A PostgreSQL that outlives its server may hold the pipes open, and so would this process.
  const release = async () => {
    await exited
    child.stdout.destroy()
    child.stderr.destroy()
  }
  const output = () => lines.join('\n')
  const firstLine = firstLineOf(child, () => `${options.name} did not start:\n${output()}`)
  return { firstLine, release, output, stop: () => stopProcess(child, release) }
}

// A process that cannot start may say why in many lines: it is heard out until it ends.
function firstLineOf(child: ChildProcess, failure: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { stdout } = child
    if (stdout === null) return reject(new Error('the process has no output'))
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(failure()))
    }, START_TIMEOUT_MS)
    const settle = (act: () => void) => {
      clearTimeout(timer)
      act()
    }
    child.once('error', (error) => settle(() => reject(error)))
    child.once('close', () => settle(() => reject(new Error(failure()))))
    createInterface({ input: stdout }).on('line', (line) => {
      if (line.startsWith('{') && line.endsWith('}')) settle(() => resolve(line))
    })
  })
}

async function stopProcess(child: ChildProcess, release: () => Promise<void>): Promise<void> {
  const isRunning = child.exitCode === null && child.signalCode === null
  if (isRunning) child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await release()
  clearTimeout(timer)
}
