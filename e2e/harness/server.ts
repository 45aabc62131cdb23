// The real server, started as an operator starts it, in a process and a data directory of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Client, createClient } from '@airworthy/sdk'
import { asRecord, textAt } from './json.ts'

const program = fileURLToPath(new URL('../../server/bin/airworthy.js', import.meta.url))
const readyWithinMs = 60_000
const stopWithinMs = 40_000
const outputCharsMax = 200_000

export type Server = {
  readonly url: string
  /** Of the server itself: the child may be a launcher in front of it. */
  readonly pid: number
  readonly dataDir: string
  readonly operatorKey: string
  readonly client: Client
  /** What the server has written to stderr. */
  readonly stderr: () => string
  readonly kill: () => Promise<void>
  /** Sends SIGTERM; gives the exit code when the server has ended. */
  readonly terminate: () => Promise<number | null>
} & AsyncDisposable

export type ServerOptions = {
  /** Undefined: the embedded PostgreSQL of the data directory. */
  readonly databaseUrl: string | undefined
  /** A directory that outlives the server; else one of its own, removed with it. */
  readonly dataDir?: string
  readonly env?: Readonly<Record<string, string>>
  /** For a server that finds no operator key of its own, because another one made it. */
  readonly operatorKey?: string
}

export async function startServer(options: ServerOptions): Promise<Server> {
  await using starting = new AsyncDisposableStack()
  const dataDir = options.dataDir ?? (await temporaryDirectory(starting))
  const child = spawn(process.execPath, [program, 'serve', '--json', '--port', '0'], {
    env: {
      ...process.env,
      DATABASE_URL: options.databaseUrl ?? '',
      AIRWORTHY_DATA: dataDir,
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString('utf8')).slice(-outputCharsMax)
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const exited = once(child, 'exit').then(() => child.exitCode)
  let pid = child.pid ?? 0
  // A server that ends by itself in the middle of a test says why; one that does not start throws.
  let isExpected = true
  child.once('exit', () => {
    if (!isExpected) process.stderr.write(`a server ended by itself:\n${output}\n`)
  })
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    isExpected = true
    process.kill(pid, signal)
    const late = setTimeout(() => process.kill(pid, 'SIGKILL'), stopWithinMs)
    const code = await exited
    clearTimeout(late)
    return code
  }
  starting.defer(async () => void (await end('SIGTERM')))
  const ready = await readyLine(child.stdout, exited, () => output)
  pid = Number(ready['pid'])
  isExpected = false
  const url = textAt(ready, 'listening')
  const operatorKey =
    options.operatorKey ?? (await readFile(textAt(ready, 'operatorKeyFile'), 'utf8')).trim()
  const running = starting.move()
  return {
    url,
    pid,
    dataDir,
    operatorKey,
    client: createClient({ baseUrl: url, key: operatorKey }),
    stderr: () => output,
    kill: async () => void (await end('SIGKILL')),
    terminate: () => end('SIGTERM'),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** Starts a server that must not start; gives what it printed. */
export async function failToStart(options: ServerOptions): Promise<string> {
  try {
    const server = await startServer(options)
    await server[Symbol.asyncDispose]()
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown)
  }
  throw new Error('the server started, although it must not')
}

export async function temporaryDirectory(owner: AsyncDisposableStack): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'airworthy-e2e-'))
  owner.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 20 }))
  return directory
}

async function readyLine(
  stdout: NodeJS.ReadableStream,
  exited: Promise<number | null>,
  output: () => string,
): Promise<Readonly<Record<string, unknown>>> {
  const { promise, resolve, reject } = Promise.withResolvers<Readonly<Record<string, unknown>>>()
  createInterface({ input: stdout }).on('line', (line) => {
    if (!line.startsWith('{"listening"')) return
    const parsed: unknown = JSON.parse(line)
    resolve(asRecord(parsed))
  })
  const late = setTimeout(() => reject(new Error(`not ready in time\n${output()}`)), readyWithinMs)
  exited.then((code) => reject(new Error(`the server ended (${code})\n${output()}`)), reject)
  try {
    return await promise
  } finally {
    clearTimeout(late)
  }
}
