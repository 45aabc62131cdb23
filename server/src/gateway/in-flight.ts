// Who waits for a call that is in flight. A repeat of an effect waits for the first to settle.

export class InFlight {
  readonly #waiting = new Map<string, Set<() => void>>()

  /** Resolves when the call settles in this process, or after the time; never rejects. */
  wait(callId: string, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const waiters = this.#waiting.get(callId) ?? new Set()
      this.#waiting.set(callId, waiters)
      const done = (): void => {
        clearTimeout(timer)
        waiters.delete(done)
        if (waiters.size === 0) this.#waiting.delete(callId)
        resolve()
      }
      const timer = setTimeout(done, timeoutMs)
      waiters.add(done)
    })
  }

  settled(callId: string): void {
    for (const done of this.#waiting.get(callId) ?? []) done()
  }
}
