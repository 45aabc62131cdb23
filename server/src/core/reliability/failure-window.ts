// Calls and failures of the last seconds, in slots of a second: a sliding window of fixed size.

const slotMs = 1000

export class FailureWindow {
  readonly #slots: number
  readonly #calls: Uint32Array
  readonly #failures: Uint32Array
  /** The second that the newest slot stands for. */
  #newest = 0

  constructor(windowMs: number) {
    this.#slots = Math.max(1, Math.ceil(windowMs / slotMs))
    this.#calls = new Uint32Array(this.#slots)
    this.#failures = new Uint32Array(this.#slots)
  }

  add(isFailure: boolean, nowMs: number): void {
    const slot = this.#slide(nowMs)
    this.#calls[slot] = (this.#calls[slot] ?? 0) + 1
    if (isFailure) this.#failures[slot] = (this.#failures[slot] ?? 0) + 1
  }

  count(nowMs: number): { readonly calls: number; readonly failures: number } {
    this.#slide(nowMs)
    return { calls: sum(this.#calls), failures: sum(this.#failures) }
  }

  clear(): void {
    this.#calls.fill(0)
    this.#failures.fill(0)
  }

  /** Empties the slots of seconds that have passed since, and gives the one of now. */
  #slide(nowMs: number): number {
    const second = Math.floor(nowMs / slotMs)
    const passed = Math.min(second - this.#newest, this.#slots)
    for (let back = 0; back < passed; back += 1) {
      const slot = (second - back) % this.#slots
      this.#calls[slot] = 0
      this.#failures[slot] = 0
    }
    // A clock that went back counts in the newest slot.
    this.#newest = Math.max(this.#newest, second)
    return this.#newest % this.#slots
  }
}

function sum(values: Uint32Array): number {
  let total = 0
  for (const value of values) total += value
  return total
}
