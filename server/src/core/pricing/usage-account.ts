// A provider's own account of usage, as its console exports it: rows of a CSV, summed by day (UTC)
// and model.

export type AccountLine = {
  /** `2026-11-22`, in UTC. */
  readonly day: string
  readonly model: string
  /** Null where the account does not say. */
  readonly calls: number | null
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly costNanoUsd: bigint | null
}

/** Column names by what they hold; several are added up. */
export type AccountColumns = {
  readonly date: readonly string[]
  readonly model: readonly string[]
  readonly calls: readonly string[]
  readonly input: readonly string[]
  readonly output: readonly string[]
  readonly cost: readonly string[]
}

export const columnKinds = ['date', 'model', 'calls', 'input', 'output', 'cost'] as const

/**
 * What exports are known to name their columns. Of each list the first name that is there counts;
 * names joined with + are parts of one sum.
 */
const known: Readonly<Record<string, Readonly<Record<keyof AccountColumns, readonly string[]>>>> = {
  // Usage (completions, embeddings) and costs, as the platform's dashboard exports them.
  openai: {
    date: ['start_time_iso', 'start_time', 'date'],
    model: ['model', 'line_item'],
    calls: ['num_model_requests'],
    input: ['input_tokens'],
    output: ['output_tokens'],
    cost: ['amount_value', 'cost'],
  },
  // Usage and cost, as the console exports them. Its input leaves out what a cache holds.
  anthropic: {
    date: ['usage_date_utc'],
    model: ['model_version', 'model'],
    calls: [],
    input: [
      'usage_input_tokens_no_cache+usage_input_tokens_cache_write_5m' +
        '+usage_input_tokens_cache_write_1h+usage_input_tokens_cache_read',
      'usage_input_tokens_no_cache+usage_input_tokens_cache_write+usage_input_tokens_cache_read',
    ],
    output: ['usage_output_tokens'],
    cost: ['cost_usd'],
  },
  generic: {
    date: ['date', 'day', 'timestamp', 'start_time', 'time'],
    model: ['model'],
    calls: ['calls', 'requests', 'num_requests'],
    input: ['input_tokens', 'prompt_tokens', 'input'],
    output: ['output_tokens', 'completion_tokens', 'output'],
    cost: ['cost_usd', 'cost', 'amount', 'usd'],
  },
}

/** The columns of a header, with `named` over what the provider's export is known to have. */
export function findColumns(
  header: readonly string[],
  provider: string,
  named: Readonly<Partial<Record<keyof AccountColumns, string>>>,
): AccountColumns {
  const names = header.map((name) => name.trim())
  const list = known[provider] ?? known['generic']
  const choose = (kind: keyof AccountColumns): readonly string[] => {
    const own = named[kind]
    const options = own === undefined ? (list?.[kind] ?? []) : [own]
    const found = options
      .map((option) => option.split('+'))
      .find((parts) => parts.every((part) => names.includes(part)))
    if (found !== undefined) return found
    if (own === undefined) return []
    throw new SyntaxError(`the file has no column ${own}; it has ${names.join(', ')}`)
  }
  const columns = {
    date: choose('date'),
    model: choose('model'),
    calls: choose('calls'),
    input: choose('input'),
    output: choose('output'),
    cost: choose('cost'),
  }
  const missing = (['date', 'model'] as const).find((kind) => columns[kind].length === 0)
  const hasFigures = [columns.input, columns.output, columns.cost].some((found) => found.length > 0)
  if (missing !== undefined || !hasFigures) {
    throw new SyntaxError(
      `the file has no column for ${missing ?? 'tokens or cost'}: name it with --map; it has ` +
        names.join(', '),
    )
  }
  return columns
}

type Sums = {
  calls: number | null
  inputTokens: number | null
  outputTokens: number | null
  /** 10^-18 US dollars: exports write more decimals than a nano-USD has. */
  attoUsd: bigint | null
}

export const accountLinesMax = 5_000

/** What exports call the column that says in which currency an amount is. */
const currencyColumns: ReadonlySet<string> = new Set([
  'amount_currency',
  'currency',
  'cost_currency',
])

/** Adds up the rows of an account. */
export class UsageAccount {
  readonly #header: readonly string[]
  readonly #columns: AccountColumns
  readonly #sums = new Map<string, Sums>()
  /** The place of the column; -1 where there is none. */
  readonly #currency: number
  #rows = 1

  constructor(header: readonly string[], columns: AccountColumns) {
    this.#header = header.map((name) => name.trim())
    this.#columns = columns
    this.#currency = this.#header.findIndex((name) => currencyColumns.has(name.toLowerCase()))
  }

  /** Adds a row. Throws a sentence that names the row where it cannot be read. */
  add(row: readonly string[]): void {
    this.#rows += 1
    // A row that was cut off, or has a delimiter too many, would count in the wrong columns.
    if (row.length !== this.#header.length) {
      throw this.#wrong(`it has ${row.length} fields, and the header ${this.#header.length}`)
    }
    const of = (names: readonly string[]): string[] =>
      names.map((name) => row[this.#header.indexOf(name)]?.trim() ?? '')
    const { date, model, calls, input, output, cost } = this.#columns
    const name = modelOf(of(model)[0] ?? '')
    const figures = [...of(calls), ...of(input), ...of(output), ...of(cost)]
    // An empty bucket of time: the export has a row for each day, used or not.
    if (name === '' && figures.every((figure) => figure === '' || Number(figure) === 0)) return
    const day = this.#dayOf(of(date)[0] ?? '')
    const key = `${day}\0${name === '' ? '(no model)' : name}`
    const sums = this.#sums.get(key) ?? {
      calls: null,
      inputTokens: null,
      outputTokens: null,
      attoUsd: null,
    }
    sums.calls = this.#addCount(sums.calls, of(calls))
    sums.inputTokens = this.#addCount(sums.inputTokens, of(input))
    sums.outputTokens = this.#addCount(sums.outputTokens, of(output))
    const currency = row[this.#currency]?.trim().toLowerCase() ?? ''
    for (const text of of(cost)) {
      if (text !== '' && currency !== '' && currency !== 'usd') {
        throw this.#wrong(`${JSON.stringify(currency)} is not US dollars`)
      }
      if (text !== '') sums.attoUsd = (sums.attoUsd ?? 0n) + this.#attoUsd(text)
    }
    this.#sums.set(key, sums)
    if (this.#sums.size > accountLinesMax) {
      throw this.#wrong(`more than ${accountLinesMax} days and models: give a shorter time`)
    }
  }

  /** By day and model. */
  lines(): AccountLine[] {
    return [...this.#sums]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, { attoUsd, ...sums }]) => {
        const [day = '', model = ''] = key.split('\0')
        return { day, model, ...sums, costNanoUsd: attoUsd === null ? null : toNano(attoUsd) }
      })
  }

  #dayOf(text: string): string {
    // Seconds since 1970, or a date with or without a time; a time without a zone is in UTC.
    const isNaive = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?(\.\d+)?$/.test(text)
    const ms = /^\d{9,10}$/.test(text)
      ? Number(text) * 1000
      : Date.parse(isNaive ? `${text.replace(' ', 'T')}Z` : text)
    if (Number.isNaN(ms)) throw this.#wrong(`${JSON.stringify(text)} is no date`)
    return new Date(ms).toISOString().slice(0, 10)
  }

  #addCount(sum: number | null, texts: readonly string[]): number | null {
    let total = sum
    for (const text of texts) {
      if (text === '') continue
      const added = /^\d{1,15}(\.0+)?$/.test(text) ? Number(text) : Number.NaN
      if (Number.isNaN(added)) throw this.#wrong(`${JSON.stringify(text)} is no count`)
      total = (total ?? 0) + added
    }
    return total
  }

  #attoUsd(text: string): bigint {
    const sign = text.startsWith('-') ? -1n : 1n
    const plain = plainDecimal(text.replace(/^-/, '').replace(/^\$/, ''))
    const whole = /^(\d{1,12})(?:\.(\d{0,40}))?$/.exec(plain)
    if (whole === null) throw this.#wrong(`${JSON.stringify(text)} is no amount of dollars`)
    const fraction = (whole[2] ?? '').slice(0, 18).padEnd(18, '0')
    return sign * BigInt(`${whole[1] ?? '0'}${fraction}`)
  }

  #wrong(what: string): Error {
    return new SyntaxError(`row ${this.#rows}: ${what}`)
  }
}

/** `4.2e-05` as `0.000042`. */
function plainDecimal(text: string): string {
  const match = /^(\d+)(?:\.(\d+))?e([+-]?\d{1,3})$/i.exec(text)
  if (match === null) return text
  const [, whole = '0', fraction = '', exponent = '0'] = match
  const shift = Number(exponent)
  const digits = `${'0'.repeat(Math.max(0, -shift))}${whole}${fraction}${'0'.repeat(Math.max(0, shift))}`
  const point = Math.max(0, -shift) + whole.length + shift
  return `${digits.slice(0, point)}.${digits.slice(point)}`
}

/** `gpt-4o-mini-2024-07-18, input` of a costs export is about that model. */
function modelOf(text: string): string {
  return text.split(',')[0]?.trim() ?? ''
}

const attoPerNano = 1_000_000_000n

/** To the nearest; a half away from zero. */
function toNano(attoUsd: bigint): bigint {
  const half = attoUsd < 0n ? -attoPerNano / 2n : attoPerNano / 2n
  return (attoUsd + half) / attoPerNano
}

/** A name without the date that providers put behind it: `-2025-04-14`, `-20250514`. */
export function undatedModel(model: string): string {
  return model.replace(/-(?:20\d{2}-\d{2}-\d{2}|20\d{6})$/, '')
}
