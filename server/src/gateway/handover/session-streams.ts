// The streams that agents are told replies in, by session, so that they can be ended together.
import type { AirworthyError } from '../../core/errors.ts'

type Cut = (error: AirworthyError) => void

export class SessionStreams {
  readonly #bySession = new Map<string, Set<Cut>>()

  /** Gives what is to be called when the stream has ended. */
  add(sessionId: string, cut: Cut): () => void {
    let cuts = this.#bySession.get(sessionId)
    if (cuts === undefined) {
      cuts = new Set()
      this.#bySession.set(sessionId, cuts)
    }
    const own = cuts
    own.add(cut)
    return () => {
      own.delete(cut)
      if (own.size === 0 && this.#bySession.get(sessionId) === own) {
        this.#bySession.delete(sessionId)
      }
    }
  }

  sessionIds(): string[] {
    return [...this.#bySession.keys()]
  }

  /** Ends the streams of a session as its upstream's failure would. Gives how many there were. */
  cut(sessionId: string, error: AirworthyError): number {
    const cuts = [...(this.#bySession.get(sessionId) ?? [])]
    for (const cut of cuts) cut(error)
    return cuts.length
  }
}
