// A tool call of a 2026-07-28 client whose server may ask that client something. The call goes on
// while its client goes away with the questions and comes back with the answers; it is one call on
// the record, however many requests it takes.
import { setImmediate } from 'node:timers/promises'
import type { InputRequest } from '@modelcontextprotocol/client'
import type { ToolLogs, ToolProgress } from '../../tools/backend.ts'
import type { ToolReply } from '../../tools/tool-reply.ts'

/** What the client is told meanwhile, where it asked for it. */
export type WhileRunning = {
  readonly onProgress?: (progress: ToolProgress) => void
  readonly logs?: ToolLogs
}

export type Turn =
  | { readonly kind: 'ended'; readonly reply: ToolReply }
  | { readonly kind: 'asked'; readonly requests: Record<string, InputRequest> }

type Question = { readonly request: InputRequest; readonly resolve: (answer: unknown) => void }

export class InteractiveCall {
  readonly #reply: Promise<ToolReply>
  readonly #abort = new AbortController()
  readonly #questions = new Map<string, Question>()
  #asked = 0
  #onQuestion: () => void = () => undefined
  /** Of the request that the client waits on now. */
  #telling: WhileRunning = {}

  /** `start` makes the call; questions of its server go to `ask`. */
  constructor(start: (call: InteractiveCall) => Promise<ToolReply>) {
    this.#reply = start(this)
    // Whoever takes the next turn hears of it; nobody may.
    this.#reply.catch(() => undefined)
  }

  /** Of the client: it hung up, or cancelled. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Resolves when the call has ended, however it did. */
  get ended(): Promise<void> {
    return this.#reply.then(
      () => undefined,
      () => undefined,
    )
  }

  abort(): void {
    this.#abort.abort()
  }

  /** What is told meanwhile goes to whichever request of the client is open, as the first asked. */
  tellAs(first: WhileRunning): WhileRunning {
    this.#telling = first
    const { onProgress, logs } = first
    return {
      ...(onProgress && { onProgress: (progress) => this.#telling.onProgress?.(progress) }),
      ...(logs && {
        logs: {
          level: logs.level,
          onMessage: (message) => this.#telling.logs?.onMessage(message),
        },
      }),
    }
  }

  /** Waits for the client's answer, until the signal aborts; then rejects with its reason. */
  async ask(request: InputRequest, signal: AbortSignal): Promise<unknown> {
    this.#asked += 1
    const key = `question-${this.#asked}`
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    this.#questions.set(key, { request, resolve })
    this.#onQuestion()
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#questions.delete(key)
    }
  }

  /** Each question is answered once; what was not asked is ignored. */
  answer(answers: Readonly<Record<string, unknown>>): void {
    for (const [key, answer] of Object.entries(answers)) {
      this.#questions.get(key)?.resolve(answer)
      this.#questions.delete(key)
    }
  }

  /** One request of the client, which is aborted when it hangs up: until there is something to say. */
  async turn(signal: AbortSignal, telling: WhileRunning): Promise<Turn> {
    this.#telling = telling
    const hangUp = (): void => this.abort()
    if (signal.aborted) hangUp()
    signal.addEventListener('abort', hangUp, { once: true })
    try {
      for (;;) {
        if (this.#questions.size > 0) return { kind: 'asked', requests: this.#requests() }
        const { promise: question, resolve } = Promise.withResolvers<undefined>()
        this.#onQuestion = () => resolve(undefined)
        const reply = await Promise.race([this.#reply, question])
        if (reply !== undefined) return { kind: 'ended', reply }
        // What is asked at the same time goes out together.
        await setImmediate()
      }
    } finally {
      signal.removeEventListener('abort', hangUp)
    }
  }

  #requests(): Record<string, InputRequest> {
    const requests = [...this.#questions].map(([key, { request }]) => [key, request] as const)
    return Object.fromEntries(requests)
  }
}
