// The fake's prompt cache. It finds the longest start of a prompt that it has seen under the same
// key; starts that were asked for (Anthropic's `cache_control`) are written, and writing is counted.
import type { Asked } from './asked.ts'

export type CacheUse = {
  readonly cachedTokens: number
  readonly writtenTokens: number
  readonly writtenLongTokens: number
}

/** As with the real ones, shorter prompts are not cached. */
const tokensMin = 1024
const entriesMax = 50_000
/** OpenAI counts cached tokens in steps of so many. */
const automaticStep = 128

export class PromptCache {
  readonly #seen = new Set<string>()

  use(asked: Asked, apiKey: string): CacheUse {
    const long = asked.prefixes.filter(({ tokens }) => tokens >= tokensMin)
    let cachedTokens = 0
    let writtenTokens = 0
    let writtenLongTokens = 0
    let reached = 0
    for (const prefix of long) {
      const key = `${apiKey}\0${asked.model}\0${prefix.digest}`
      const isAutomatic = prefix.kind === 'automatic'
      if (this.#seen.has(key)) {
        cachedTokens = isAutomatic
          ? Math.floor(prefix.tokens / automaticStep) * automaticStep
          : prefix.tokens
        reached = prefix.tokens
        continue
      }
      this.#remember(key)
      if (prefix.kind === '5m') writtenTokens += prefix.tokens - reached
      if (prefix.kind === '1h') writtenLongTokens += prefix.tokens - reached
      reached = prefix.tokens
    }
    return { cachedTokens, writtenTokens, writtenLongTokens }
  }

  clear(): void {
    this.#seen.clear()
  }

  #remember(key: string): void {
    const [oldest] = this.#seen
    if (this.#seen.size >= entriesMax && oldest !== undefined) this.#seen.delete(oldest)
    this.#seen.add(key)
  }
}
