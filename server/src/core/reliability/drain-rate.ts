// How quickly a queue moves, measured while it has something in it: what Retry-After is made of.

const newWeight = 0.3

export class DrainRate {
  #intervalMs: number | undefined
  #lastMs = 0

  /** The queue was empty, and is not any more. */
  started(nowMs: number): void {
    this.#lastMs = nowMs
  }

  /** One left the queue because its turn came. */
  moved(nowMs: number): void {
    const tookMs = Math.max(0, nowMs - this.#lastMs)
    this.#lastMs = nowMs
    const before = this.#intervalMs ?? tookMs
    this.#intervalMs = before * (1 - newWeight) + tookMs * newWeight
  }

  /** How long `waiting` of them will take. A queue that stands still is at least as slow as that. */
  estimateMs(waiting: number, nowMs: number): number {
    return waiting * Math.max(this.#intervalMs ?? 0, nowMs - this.#lastMs, 0)
  }
}
