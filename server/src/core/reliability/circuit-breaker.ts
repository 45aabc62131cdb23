// Takes an endpoint that fails out of traffic (outlier ejection), and lets it back in by one call
// at a time. Time is an argument; all times are in ms on one clock.
import { FailureWindow } from './failure-window.ts'

export type BreakerPolicy = {
  /** So many failures in a row open it. */
  readonly failuresInARowMax: number
  /** It opens as well when this part of at least `windowCallsMin` calls failed in `windowMs`. */
  readonly failureRateMax: number
  readonly windowCallsMin: number
  readonly windowMs: number
  /** How long it stays open at first; twice as long each time that a probe fails. */
  readonly ejectionMs: number
  readonly ejectionMsMax: number
  /** A probe that has no answer after this is no answer: another one may be made. */
  readonly probePatienceMs: number
  /** Closed for so long, it is trusted again as if it had never been open. */
  readonly calmMs: number
}

export const breakerDefaults: BreakerPolicy = {
  failuresInARowMax: 3,
  failureRateMax: 0.5,
  windowCallsMin: 10,
  windowMs: 10_000,
  ejectionMs: 1000,
  ejectionMsMax: 8000,
  probePatienceMs: 5000,
  calmMs: 60_000,
}

export type BreakerState = 'closed' | 'open' | 'half-open'

/** One call, from `begin` until one of `succeed`, `fail` or `cancel`. */
export type BreakerCall = { readonly era: number; readonly startedMs: number }

export class CircuitBreaker {
  readonly #policy: BreakerPolicy
  readonly #window: FailureWindow
  #isOpen = false
  /** Changes whenever it opens or closes: what began before then has no say any more. */
  #era = 0
  #failuresInARow = 0
  /** How often it opened without a calm time in between; a failed probe counts. */
  #openings = 0
  #openUntilMs = 0
  #probe: BreakerCall | undefined
  #sinceMs: number
  #ejections = 0

  constructor(policy: BreakerPolicy, nowMs: number) {
    this.#policy = policy
    this.#window = new FailureWindow(policy.windowMs)
    this.#sinceMs = nowMs
  }

  /** When it last opened or closed. */
  get sinceMs(): number {
    return this.#sinceMs
  }

  /** How often it opened, failed probes not counted. */
  get ejections(): number {
    return this.#ejections
  }

  /** When the next probe may be made; in the past where one may be made now, or is under way. */
  get openUntilMs(): number {
    return this.#openUntilMs
  }

  state(nowMs: number): BreakerState {
    if (!this.#isOpen) return 'closed'
    this.#giveUpProbe(nowMs)
    return this.#probe !== undefined || nowMs >= this.#openUntilMs ? 'half-open' : 'open'
  }

  /** Whether a call is welcome: it is closed, or waits for a probe. */
  admits(nowMs: number): boolean {
    return !this.#isOpen || this.isDue(nowMs)
  }

  /** Whether the next call to begin is a probe. */
  isDue(nowMs: number): boolean {
    if (!this.#isOpen) return false
    this.#giveUpProbe(nowMs)
    return this.#probe === undefined && nowMs >= this.#openUntilMs
  }

  /**
   * A call leaves. It may also leave while the breaker is open, where there is nowhere else to go;
   * such a call is no probe: its success closes the breaker, its failure changes nothing.
   */
  begin(nowMs: number): BreakerCall {
    const call = { era: this.#era, startedMs: nowMs }
    if (this.isDue(nowMs)) this.#probe = call
    return call
  }

  succeed(call: BreakerCall, nowMs: number): void {
    if (call.era !== this.#era) return
    if (this.#isOpen) {
      this.#close(nowMs)
      return
    }
    this.#failuresInARow = 0
    this.#window.add(false, nowMs)
    if (nowMs - this.#sinceMs >= this.#policy.calmMs) this.#openings = 0
  }

  /** Gives true when this failure took the endpoint out of traffic. */
  fail(call: BreakerCall, nowMs: number): boolean {
    if (call.era !== this.#era) return false
    if (this.#isOpen) {
      if (call === this.#probe) this.#stayOpen(call, nowMs)
      return false
    }
    this.#failuresInARow += 1
    this.#window.add(true, nowMs)
    if (!this.#isTooMuch(nowMs)) return false
    this.#open(nowMs)
    return true
  }

  /** The call ended in a way that says nothing of the endpoint. */
  cancel(call: BreakerCall): void {
    if (call === this.#probe) this.#probe = undefined
  }

  /** An active check found nobody there: while that is so, no call is spent on finding out. */
  postpone(untilMs: number): void {
    if (this.#isOpen && this.#probe === undefined) {
      this.#openUntilMs = Math.max(this.#openUntilMs, untilMs)
    }
  }

  /** An active check was answered: the next call may try. */
  invite(nowMs: number): void {
    if (this.#isOpen) this.#openUntilMs = Math.min(this.#openUntilMs, nowMs)
  }

  #isTooMuch(nowMs: number): boolean {
    const { failuresInARowMax, windowCallsMin, failureRateMax } = this.#policy
    if (this.#failuresInARow >= failuresInARowMax) return true
    const { calls, failures } = this.#window.count(nowMs)
    return calls >= windowCallsMin && failures / calls >= failureRateMax
  }

  #open(nowMs: number): void {
    if (nowMs - this.#sinceMs >= this.#policy.calmMs) this.#openings = 0
    this.#isOpen = true
    this.#era += 1
    this.#sinceMs = nowMs
    this.#ejections += 1
    this.#openings += 1
    this.#openUntilMs = nowMs + this.#ejectionMs()
  }

  /** Counted from the probe's start, so that a slow failure does not delay the next probe. */
  #stayOpen(probe: BreakerCall, nowMs: number): void {
    this.#probe = undefined
    this.#openings += 1
    this.#openUntilMs = Math.max(nowMs, probe.startedMs + this.#ejectionMs())
  }

  #close(nowMs: number): void {
    this.#isOpen = false
    this.#era += 1
    this.#probe = undefined
    this.#sinceMs = nowMs
    this.#failuresInARow = 0
    this.#window.clear()
  }

  #giveUpProbe(nowMs: number): void {
    const probe = this.#probe
    if (probe === undefined || nowMs - probe.startedMs < this.#policy.probePatienceMs) return
    this.#stayOpen(probe, probe.startedMs + this.#policy.probePatienceMs)
  }

  #ejectionMs(): number {
    const { ejectionMs, ejectionMsMax } = this.#policy
    return Math.min(ejectionMsMax, ejectionMs * 2 ** Math.min(this.#openings - 1, 30))
  }
}
