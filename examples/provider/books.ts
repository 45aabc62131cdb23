// The fake's books: each request it got, and what it bills. Drills count overspend here. A stream
// that is cut or aborted is billed as far as it was generated; a whole reply, once it was generated.
import type { Attachment } from './asked.ts'
import type { CacheUse } from './prompt-cache.ts'

/**
 * `finished`: all was sent. `broken`: a fault ended it. `aborted`: the client went away.
 * `refused`: an error, and nothing generated.
 */
export type EntryOutcome = 'open' | 'finished' | 'broken' | 'aborted' | 'refused'

export type Entry = {
  readonly number: number
  readonly id: string
  /** The endpoint that the path names with `/at/<name>`, else ''. */
  readonly at: string
  readonly flavour: string
  readonly path: string
  readonly apiKey: string
  /** Whom the request says it is for (`user`, `safety_identifier`, `metadata.user_id`), else ''. */
  user: string
  model: string
  stream: boolean
  status: number
  faults: readonly string[]
  outcome: EntryOutcome
  promptTokens: number
  cachedTokens: number
  writtenTokens: number
  reasoningTokens: number
  outputTokens: number
  attachments: readonly Attachment[]
  tools: readonly string[]
}

export type Totals = {
  requests: number
  /** Requests for which something was generated. */
  billed: number
  promptTokens: number
  cachedTokens: number
  writtenTokens: number
  outputTokens: number
}

/** Older entries are dropped; the totals are of all. */
const entriesMax = 50_000
const groupsMax = 10_000

export class Books {
  #entries: Entry[] = []
  #totals = noTotals()
  #byKey = new Map<string, Totals>()
  #byAt = new Map<string, Totals>()

  open(entry: Pick<Entry, 'number' | 'id' | 'at' | 'flavour' | 'path' | 'apiKey'>): Entry {
    const whole: Entry = {
      ...entry,
      user: '',
      model: '',
      stream: false,
      status: 0,
      faults: [],
      outcome: 'open',
      promptTokens: 0,
      cachedTokens: 0,
      writtenTokens: 0,
      reasoningTokens: 0,
      outputTokens: 0,
      attachments: [],
      tools: [],
    }
    this.#entries.push(whole)
    if (this.#entries.length > entriesMax * 1.2) this.#entries = this.#entries.slice(-entriesMax)
    this.#each(whole, (totals) => {
      totals.requests += 1
    })
    return whole
  }

  /** The prompt is billed as soon as anything is generated for it. */
  begin(entry: Entry, promptTokens: number, cache: CacheUse): void {
    const writtenTokens = cache.writtenTokens + cache.writtenLongTokens
    entry.promptTokens = promptTokens
    entry.cachedTokens = cache.cachedTokens
    entry.writtenTokens = writtenTokens
    this.#each(entry, (totals) => {
      totals.billed += 1
      totals.promptTokens += promptTokens
      totals.cachedTokens += cache.cachedTokens
      totals.writtenTokens += writtenTokens
    })
  }

  generate(entry: Entry, tokens: number): void {
    if (tokens === 0) return
    entry.outputTokens += tokens
    this.#each(entry, (totals) => {
      totals.outputTokens += tokens
    })
  }

  /** The last `limit` entries, oldest first. */
  read(limit: number): object {
    return {
      totals: this.#totals,
      byApiKey: Object.fromEntries(this.#byKey),
      byEndpoint: Object.fromEntries(this.#byAt),
      entries: limit === 0 ? [] : this.#entries.slice(-limit),
    }
  }

  get totals(): Readonly<Totals> {
    return this.#totals
  }

  entries(): readonly Readonly<Entry>[] {
    return this.#entries
  }

  last(): Readonly<Entry> | undefined {
    return this.#entries.at(-1)
  }

  reset(): void {
    this.#entries = []
    this.#totals = noTotals()
    this.#byKey = new Map()
    this.#byAt = new Map()
  }

  #each(entry: Entry, change: (totals: Totals) => void): void {
    change(this.#totals)
    change(groupOf(this.#byKey, entry.apiKey))
    change(groupOf(this.#byAt, entry.at))
  }
}

function noTotals(): Totals {
  return {
    requests: 0,
    billed: 0,
    promptTokens: 0,
    cachedTokens: 0,
    writtenTokens: 0,
    outputTokens: 0,
  }
}

/** Beyond so many names the rest is counted together. */
function groupOf(groups: Map<string, Totals>, name: string): Totals {
  const known = groups.get(name)
  if (known !== undefined) return known
  const key = groups.size < groupsMax ? name : 'others'
  const totals = groups.get(key) ?? noTotals()
  groups.set(key, totals)
  return totals
}
