// An average of latencies that believes bad news at once and good news slowly: a slower reply
// replaces it, a quicker one moves it, and silence lets it fade, so that an endpoint that was slow
// is tried again.

export class PeakEwma {
  readonly #decayMs: number
  #valueMs = 0
  #atMs = 0
  #isKnown = false

  /** After `decayMs` a value weighs 1/e of what it did. */
  constructor(decayMs: number) {
    this.#decayMs = decayMs
  }

  observe(latencyMs: number, nowMs: number): void {
    const faded = this.faded(nowMs)
    if (!this.#isKnown || latencyMs >= faded) this.#valueMs = latencyMs
    else {
      const weight = this.#weight(nowMs)
      this.#valueMs = this.#valueMs * weight + latencyMs * (1 - weight)
    }
    this.#atMs = nowMs
    this.#isKnown = true
  }

  /** Undefined before the first reply. */
  get lastMs(): number | undefined {
    return this.#isKnown ? this.#valueMs : undefined
  }

  /** What it counts for now; 0 before the first reply. */
  faded(nowMs: number): number {
    return this.#valueMs * this.#weight(nowMs)
  }

  #weight(nowMs: number): number {
    return Math.exp(-Math.max(0, nowMs - this.#atMs) / this.#decayMs)
  }
}
