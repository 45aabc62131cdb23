// Starts the programs that a bench measures or drives, each in a process of its own.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export type Running = {
  /** The one JSON line that the program printed when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>
  readonly pid: number
  /** SIGTERM, then SIGKILL when the program has not ended in time. */
  readonly stop: () => Promise<void>
} & AsyncDisposable

type Program = {
  readonly name: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly readyWithinMs?: number
}

const errorCharsMax = 8000
const stopWithinMs = 20_000

/** Runs the Node of this process on TypeScript source, and waits for the program's ready line. */
export async function startProgram(program: Program): Promise<Running> {
  const child = spawnNode(program)
  const errors = collectErrors(child)
  const { promise, resolve, reject } = Promise.withResolvers<Record<string, unknown>>()
  const timer = setTimeout(() => {
    reject(new Error(`${program.name} was not ready in time\n${errors()}`))
  }, program.readyWithinMs ?? 30_000)
  child.once('error', reject)
  child.once('exit', (code, signal) => {
    reject(new Error(`${program.name} ended (${code ?? signal})\n${errors()}`))
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    const parsed = parseObject(line)
    if (parsed?.['listening'] !== undefined) resolve(parsed)
  })
  try {
    const ready = await promise
    const pid = typeof ready['pid'] === 'number' ? ready['pid'] : child.pid
    if (pid === undefined) throw new Error(`${program.name} has no process id`)
    const stop = async () => stopChild(child, pid)
    return { ready, pid, stop, [Symbol.asyncDispose]: stop }
  } catch (thrown) {
    await stopChild(child)
    throw thrown
  } finally {
    clearTimeout(timer)
  }
}

/** Runs a program to its end and gives the last JSON object it printed on a line. */
export async function runProgram(program: Program): Promise<Record<string, unknown>> {
  const child = spawnNode(program)
  const errors = collectErrors(child)
  let last: Record<string, unknown> | undefined
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = parseObject(line) ?? last
  })
  const [code] = await once(child, 'close')
  if (code === 0 && last !== undefined) return last
  throw new Error(`${program.name} failed (${String(code)})\n${errors()}`)
}

function spawnNode(program: Program) {
  return spawn(process.execPath, ['--conditions=airworthy-source', ...program.args], {
    cwd: program.cwd,
    env: { ...process.env, ...program.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

type Outputs = { readonly stdout: NodeJS.ReadableStream; readonly stderr: NodeJS.ReadableStream }

/** Both streams: with `--json` a program may tell on stdout why it does not start. */
function collectErrors(child: Outputs): () => string {
  let text = ''
  const collect = (chunk: Buffer) => {
    text = (text + chunk.toString('utf8')).slice(-errorCharsMax)
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  return () => text
}

/** `pid` is the program's own: the child may be a launcher in front of it. */
async function stopChild(child: ChildProcess, pid = child.pid): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => {
    if (pid !== undefined && pid !== child.pid) process.kill(pid, 'SIGKILL')
    child.kill('SIGKILL')
  }, stopWithinMs)
  await ended
  clearTimeout(timer)
}

export function parseObject(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const parsed: unknown = JSON.parse(line)
    return isRecord(parsed) ? parsed : undefined
  } catch {
    // A line that only looks like JSON is output for people.
    return undefined
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function textField(record: Readonly<Record<string, unknown>>, name: string): string {
  const value = record[name]
  if (typeof value === 'string') return value
  throw new TypeError(`expected text in "${name}", got ${JSON.stringify(value)}`)
}

export function numberField(record: Readonly<Record<string, unknown>>, name: string): number {
  const value = record[name]
  if (typeof value === 'number') return value
  throw new TypeError(`expected a number in "${name}", got ${JSON.stringify(value)}`)
}
