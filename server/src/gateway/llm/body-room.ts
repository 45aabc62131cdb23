// Room for the bodies of model calls: images and documents make them large, and they are held until
// the call ends. What all of them take together is bounded.
import type { IncomingMessage } from 'node:http'
import { AirworthyError } from '../../core/errors.ts'

const retryAfterSeconds = 1

export class BodyRoom {
  /** Of one body. */
  readonly bytesMax: number
  readonly #totalMax: number
  #taken = 0

  constructor(limits: { readonly bytesMax: number; readonly totalMax: number }) {
    this.bytesMax = limits.bytesMax
    this.#totalMax = limits.totalMax
  }

  /**
   * Takes room for a body before it is read: what it says that it has, or the most that one may
   * have. Gives what must be called when the call has ended. Throws `gateway.overloaded`.
   */
  take(request: IncomingMessage): () => void {
    const told = Number(request.headers['content-length'] ?? this.bytesMax)
    const bytes = Number.isSafeInteger(told) && told >= 0 ? Math.min(told, this.bytesMax) : 0
    // One body always fits, or a call as large as the whole room could never be made.
    if (this.#taken > 0 && this.#taken + bytes > this.#totalMax) {
      const message = 'the bodies of the calls that run take all the memory there is for them'
      throw new AirworthyError('gateway.overloaded', message, { detail: { retryAfterSeconds } })
    }
    this.#taken += bytes
    return () => {
      this.#taken -= bytes
    }
  }
}
