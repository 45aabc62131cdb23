// What tool servers ask of agents' clients, on its way. A client of revision 2025-11-25 is asked on
// the stream of its call, and answers in a request of its own; one of 2026-07-28 is asked by the
// result of its call, and answers with the next. Both are told an unguessable name to answer to,
// which counts once, and only from the client that was asked. It is kept in this process only.
import { randomBytes } from 'node:crypto'
import type { JSONRPCResponse } from '@modelcontextprotocol/server'
import { AirworthyError } from '../../../core/errors.ts'
import type { InteractiveCall } from './interactive-call.ts'

/** Questions, and calls that wait for the next request of their client, in one process. */
const waitingMax = 1000
/** A client that comes too late may still hear how its call ended. */
const endKeptMs = 60_000
const nameBytes = 24

type Question = {
  readonly client: string
  readonly resolve: (response: JSONRPCResponse) => void
}

type Parked = { readonly owner: string; readonly call: InteractiveCall }

export class AgentRelays {
  readonly #questions = new Map<string, Question>()
  readonly #parked = new Map<string, Parked>()

  /** A question to this client; `forget` must be called when nobody waits any more. */
  expect(client: string): { id: string; answer: Promise<JSONRPCResponse>; forget: () => void } {
    if (this.#questions.size >= waitingMax) throw tooMany()
    const { promise: answer, resolve } = Promise.withResolvers<JSONRPCResponse>()
    const id = newName()
    this.#questions.set(id, { client, resolve })
    return { id, answer, forget: () => void this.#questions.delete(id) }
  }

  /** Throws `request.not_awaited` for what was not asked of this client, or is answered already. */
  answer(client: string, response: JSONRPCResponse): void {
    const id = String(response.id)
    const question = this.#questions.get(id)
    if (question === undefined || question.client !== client) throw notAwaited()
    this.#questions.delete(id)
    question.resolve(response)
  }

  /** Gives the name under which the call's next request finds it. */
  park(owner: string, call: InteractiveCall): string {
    if (this.#parked.size >= waitingMax) {
      call.abort()
      throw tooMany()
    }
    const name = newName()
    this.#parked.set(name, { owner, call })
    void this.#forgetEnded(name, call)
    return name
  }

  async #forgetEnded(name: string, call: InteractiveCall): Promise<void> {
    await call.ended
    setTimeout(() => this.#parked.delete(name), endKeptMs).unref()
  }

  /** `owner`: who calls, and what exactly. Throws `request.not_awaited`. */
  take(owner: string, name: string): InteractiveCall {
    const parked = this.#parked.get(name)
    if (parked === undefined || parked.owner !== owner) throw notAwaited()
    this.#parked.delete(name)
    return parked.call
  }
}

function newName(): string {
  return randomBytes(nameBytes).toString('base64url')
}

function tooMany(): AirworthyError {
  const message = `${waitingMax} questions of tool servers wait for their clients already`
  return new AirworthyError('gateway.overloaded', message)
}

function notAwaited(): AirworthyError {
  const message =
    'nobody waits for this answer: its call has ended, it was answered before, or it is not yours'
  return new AirworthyError('request.not_awaited', message)
}
