// A signer that is another program: it holds the keys, or speaks for what holds them (an HSM over
// PKCS#11, a KMS, a signing service). One JSON object a line each way, answers in any order; the
// protocol is in docs/guides/identity.md.
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { isPublicKeyLength, parseAlgorithm, signatureBytes } from './key-pair.ts'
import {
  assertKeyName,
  type Signer,
  signerFailed,
  type SigningAlgorithm,
  type SigningKey,
} from './signer.ts'

const timeoutMsDefault = 10_000
const stopTimeoutMs = 5_000
const openMax = 256
const lineCharactersMax = 64 * 1024

const answerSchema = z.object({
  id: z.int(),
  error: z.string().max(1_000).optional(),
  key: z.object({ algorithm: z.string(), publicKey: z.base64() }).nullable().optional(),
  signature: z.base64().optional(),
})

type Answer = z.infer<typeof answerSchema>
type Waiting = {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

export class ProgramSigner implements Signer {
  readonly #command: readonly string[]
  readonly #environment: Readonly<Record<string, string>>
  readonly #timeoutMs: number
  readonly #waiting = new Map<number, Waiting>()
  #program: ChildProcess | undefined
  #id = 0
  #isClosed = false

  /** `command` is the program and its arguments; no shell reads it. It starts at the first use. */
  constructor(options: {
    command: readonly string[]
    environment: Readonly<Record<string, string>>
    timeoutMs?: number
  }) {
    this.#command = options.command
    this.#environment = options.environment
    this.#timeoutMs = options.timeoutMs ?? timeoutMsDefault
  }

  async find(name: string): Promise<SigningKey | undefined> {
    assertKeyName(name)
    const { key } = await this.#ask({ op: 'find', name })
    return key === null || key === undefined ? undefined : readKey(name, key)
  }

  async ensure(name: string, algorithm: SigningAlgorithm): Promise<SigningKey> {
    assertKeyName(name)
    const { key } = await this.#ask({ op: 'ensure', name, algorithm })
    if (key === null || key === undefined) throw signerFailed('the signer made no key')
    const made = readKey(name, key)
    if (made.algorithm === algorithm) return made
    throw signerFailed(`the key ${name} is of ${made.algorithm}, and not of ${algorithm}`)
  }

  async sign(name: string, message: Uint8Array): Promise<Buffer> {
    assertKeyName(name)
    const encoded = Buffer.from(message).toString('base64')
    const { signature } = await this.#ask({ op: 'sign', name, message: encoded })
    const bytes = Buffer.from(signature ?? '', 'base64')
    const isLength = Object.values(signatureBytes).includes(bytes.length)
    if (!isLength) throw signerFailed('the signer gave no raw signature')
    return bytes
  }

  async destroy(name: string): Promise<void> {
    assertKeyName(name)
    await this.#ask({ op: 'destroy', name })
  }

  /** Ends the program: its input is closed, and after five seconds it is killed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    const program = this.#program
    if (program === undefined || program.exitCode !== null) return
    const ended = new Promise<void>((resolve) => {
      program.once('exit', () => resolve())
    })
    program.stdin?.end()
    const timer = setTimeout(() => program.kill('SIGKILL'), stopTimeoutMs)
    await ended
    clearTimeout(timer)
  }

  async #ask(request: Readonly<Record<string, string>>): Promise<Answer> {
    if (this.#isClosed) throw signerFailed('the signer is closed')
    if (this.#waiting.size >= openMax) throw signerFailed('too many requests wait for the signer')
    const program = (this.#program ??= this.#start())
    const id = ++this.#id
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const timer = setTimeout(
      () => reject(signerFailed('the signer did not answer in time')),
      this.#timeoutMs,
    )
    this.#waiting.set(id, { resolve, reject })
    try {
      program.stdin?.write(`${JSON.stringify({ id, ...request })}\n`)
      const answer = await promise
      if (answer.error !== undefined) throw signerFailed(`the signer refuses: ${answer.error}`)
      return answer
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(id)
    }
  }

  #start(): ChildProcess {
    const [file = '', ...args] = this.#command
    const program = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...this.#environment },
    })
    const lose = (error: Error): void => {
      if (this.#program === program) this.#program = undefined
      for (const waiting of this.#waiting.values()) waiting.reject(error)
    }
    program.once('error', (cause) => lose(signerFailed('the signer cannot be started', cause)))
    program.once('exit', (code) => lose(signerFailed(`the signer ended (${code ?? 'signal'})`)))
    // The exit says why; a write to a program that is gone would end this one.
    program.stdin.on('error', () => undefined)
    createInterface({ input: program.stdout }).on('line', (line) => this.#take(line))
    return program
  }

  /** A line that is no answer is passed over: whoever waits for one hears of the time limit. */
  #take(line: string): void {
    if (line.length > lineCharactersMax) return
    const answer = parseAnswer(line)
    if (answer !== undefined) this.#waiting.get(answer.id)?.resolve(answer)
  }
}

function parseAnswer(line: string): Answer | undefined {
  try {
    return answerSchema.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}

function readKey(name: string, key: { algorithm: string; publicKey: string }): SigningKey {
  const algorithm = parseAlgorithm(key.algorithm)
  const publicKey = Buffer.from(key.publicKey, 'base64')
  if (algorithm !== undefined && isPublicKeyLength(algorithm, publicKey.length)) {
    return { name, algorithm, publicKey }
  }
  throw signerFailed(`the signer's key ${name} is of no algorithm that is known here`)
}
