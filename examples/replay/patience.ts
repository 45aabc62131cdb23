// For drills in which the server dies: whoever got no answer asks again, and the effect key makes
// that safe. A refusal is an answer; a broken connection is none, nor is "not settled yet".
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection, ModelAnswer, ToolAnswer } from './connection.ts'

const RETRY_WAIT_MS = 100
/** Codes of a repeat whose first call is not settled yet: it is worth asking again. */
const UNSETTLED = new Set(['effect.in_flight', 'effect.unknown'])

export type Attempt = <T>(work: () => Promise<T>) => Promise<T>

export const once: Attempt = (work) => work()

/** Tries until it works or the time is over; then the last error is thrown. */
export function patientFor(timeoutMs: number): Attempt {
  return async (work) => {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (performance.now() > deadline) throw error
        await sleep(RETRY_WAIT_MS)
      }
    }
  }
}

/** The same calls over connections that are opened anew after each failure. */
export function patientConnection(open: () => Promise<Connection>, attempt: Attempt): Connection {
  let opening: Promise<Connection> | undefined
  const withConnection = <T>(work: (connection: Connection) => Promise<T>): Promise<T> =>
    attempt(async () => {
      const mine = (opening ??= open())
      try {
        return await work(await mine)
      } catch (error) {
        // Parallel calls fail together: only the first of them gives the connection up.
        if (!(error instanceof UnsettledError) && opening === mine) {
          opening = undefined
          mine.then(dispose, () => undefined).catch(() => undefined)
        }
        throw error
      }
    })
  return {
    complete: (messages) =>
      withConnection((connection): Promise<ModelAnswer> => connection.complete(messages)),
    callTool: (call) =>
      withConnection(async (connection): Promise<ToolAnswer> => {
        const answer = await connection.callTool(call)
        if (answer.kind === 'refused' && UNSETTLED.has(answer.code))
          throw new UnsettledError(`${call.name}: ${answer.code} ${answer.message}`)
        return answer
      }),
    [Symbol.asyncDispose]: async () => {
      const last = opening
      opening = undefined
      if (last !== undefined) await last.then(dispose, () => undefined)
    },
  }
}

class UnsettledError extends Error {
  override readonly name = 'UnsettledError'
}

function dispose(connection: Connection): PromiseLike<void> {
  return connection[Symbol.asyncDispose]()
}
