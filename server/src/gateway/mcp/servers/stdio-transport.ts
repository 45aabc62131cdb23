// A tool server as a child process that speaks MCP over stdin and stdout. It leads a process group
// of its own, so that what it starts ends with it, and it inherits nothing that is not given to it.
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import {
  type JSONRPCMessage,
  parseJSONRPCMessage,
  SdkError,
  SdkErrorCode,
  type Transport,
} from '@modelcontextprotocol/client'
import { callContext } from './call-context.ts'
import { LineSplitter } from './line-splitter.ts'

/** A longer message, in either direction, ends the server: it is a flood or a broken program. */
export const messageBytesMax = 16 * 1024 * 1024
const stderrLineMax = 500
const endWithinMs = 2000

type Child = ChildProcessByStdio<Writable, Readable, Readable>

export type StdioProgram = {
  readonly command: string
  readonly args: readonly string[]
  /** The whole environment of the process. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string | undefined
  readonly onStderr: (line: string) => void
}

export class StdioTransport implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  readonly #program: StdioProgram
  readonly #lines = new LineSplitter(messageBytesMax)
  readonly #waiting: string[] = []
  #isDelivering = false
  #child: Child | undefined
  #exited: Promise<void> = Promise.resolve()

  constructor(program: StdioProgram) {
    this.#program = program
  }

  /** With `stderr`, the mark by which the official client knows a transport over stdio. */
  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  get stderr(): null {
    return null
  }

  async start(): Promise<void> {
    if (this.#child !== undefined) throw new Error('the tool server was started before')
    const { command, args, env, cwd } = this.#program
    const child = spawn(command, [...args], {
      env,
      cwd,
      // The leader of a new group: see `#signal`.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => {
        // What it started and left behind must not outlive it.
        this.#signal('SIGKILL')
        resolve()
      })
      child.once('error', () => resolve())
    })
    child.once('close', () => this.#closed())
    child.stdin.on('error', (error) => this.onerror?.(error))
    child.stdout.on('data', (chunk: Buffer) => this.#take(chunk))
    child.stdout.on('error', (error) => this.onerror?.(error))
    this.#watchStderr(child.stderr)
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
    child.on('error', (error) => this.onerror?.(error))
  }

  /** Resolves when the pipe has taken the message; rejects when it cannot any more. */
  send(message: JSONRPCMessage): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const refusal =
      'id' in message && 'method' in message ? callContext()?.live?.refusal() : undefined
    if (refusal !== undefined) {
      reject(refusal)
      return promise
    }
    const stdin = this.#child?.stdin
    if (stdin === undefined || !stdin.writable) {
      reject(new SdkError(SdkErrorCode.NotConnected, 'the tool server is not running'))
      return promise
    }
    const text = `${JSON.stringify(message)}\n`
    if (stdin.writableLength + text.length > messageBytesMax) {
      reject(new SdkError(SdkErrorCode.NotConnected, 'the tool server does not read its input'))
      return promise
    }
    stdin.write(text, (error) => (error ? reject(error) : resolve()))
    return promise
  }

  /** Closes its stdin, then asks, then kills the whole group; resolves when it has ended. */
  async close(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    child.stdin.end()
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (await this.#endsInTime()) break
      this.#signal(signal)
    }
    await this.#exited
    // A helper that left the group may still hold the pipes; they are of no use any more.
    child.stdout.destroy()
    child.stderr.destroy()
  }

  async #endsInTime(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timer = setTimeout(() => resolve(false), endWithinMs)
    void this.#exited.then(() => resolve(true))
    const hasEnded = await promise
    clearTimeout(timer)
    return hasEnded
  }

  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid
    if (pid === undefined) return
    try {
      process.kill(-pid, signal)
    } catch {
      // No process of the group is left.
    }
  }

  #take(chunk: Buffer): void {
    const lines = this.#lines.push(chunk)
    if (lines === undefined) {
      this.onerror?.(new Error(`the tool server wrote a message beyond ${messageBytesMax} bytes`))
      this.#signal('SIGKILL')
      return
    }
    this.#waiting.push(...lines)
    this.#deliver()
  }

  /**
   * One message a turn: the client looks at a notification a little later than at an answer, so a
   * last word of progress that came together with the answer would be lost.
   */
  #deliver(): void {
    if (this.#isDelivering) return
    const line = this.#waiting.shift()
    if (line === undefined) return
    this.#isDelivering = true
    this.#takeLine(line)
    setImmediate(() => {
      this.#isDelivering = false
      this.#deliver()
    })
  }

  #takeLine(line: string): void {
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch {
      // Some programs print what does not belong on stdout; it is no message.
      return
    }
    try {
      this.onmessage?.(parseJSONRPCMessage(value))
    } catch (thrown) {
      this.onerror?.(thrown instanceof Error ? thrown : new Error(String(thrown)))
    }
  }

  #watchStderr(stderr: Readable): void {
    const lines = new LineSplitter(messageBytesMax)
    stderr.on('data', (chunk: Buffer) => {
      for (const line of lines.push(chunk) ?? []) {
        const text = line.trimEnd().slice(0, stderrLineMax)
        if (text !== '') this.#program.onStderr(text)
      }
    })
    stderr.on('error', (error) => this.onerror?.(error))
  }

  #closed(): void {
    this.#lines.clear()
    // What it said before it ended still counts.
    for (const line of this.#waiting.splice(0)) this.#takeLine(line)
    this.onclose?.()
  }
}
