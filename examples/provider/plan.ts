// How one exchange goes wrong. Without faults it goes well.

export type Usual = 'told' | 'missing' | 'negative' | 'text' | 'huge'

export type Framing = {
  readonly lineEnd: '\n' | '\r\n'
  readonly comments: boolean
  readonly bom: boolean
  /** Without it an event never ends. */
  readonly blankLine: boolean
}

export type Plan = {
  /** Names of the faults that made it. */
  readonly faults: readonly string[]
  readonly firstByteMs: number
  /** Between two events of a stream. */
  readonly chunkMs: number
  /** Instead of a reply. */
  readonly refusal: Refusal | undefined
  /** What becomes of the connection before any body: `reset-unread` bills nothing. */
  readonly before: 'reply' | 'reset-unread' | 'reset-answered' | 'silence'
  /** After the headers. */
  readonly afterHeaders: 'body' | 'reset' | 'silence'
  /** Somewhere in the body. */
  readonly middle:
    | { readonly kind: MiddleKind; /** 0 to 1: how much came before. */ readonly at: number }
    | undefined
  readonly usage: Usual
  readonly status: number | undefined
  readonly contentType: string | undefined
  readonly framing: Framing
  /** The body in pieces of so many bytes, with a pause after each. */
  readonly pieces: { readonly bytes: number; readonly pauseMs: number } | undefined
  /** More bytes in the reply. */
  readonly paddingBytes: number
  /** The connection is kept alive by its headers and closed right after the reply. */
  readonly closesAfter: boolean
}

export type MiddleKind = 'cut' | 'reset' | 'silence' | 'error-event' | 'half-event' | 'bad-json'

export type Refusal = {
  readonly status: number
  readonly message: string
  readonly code: string | null
  readonly headers: Readonly<Record<string, string>>
  readonly isHtml: boolean
}

export const goodPlan: Plan = {
  faults: [],
  firstByteMs: 0,
  chunkMs: 0,
  refusal: undefined,
  before: 'reply',
  afterHeaders: 'body',
  middle: undefined,
  usage: 'told',
  status: undefined,
  contentType: undefined,
  framing: { lineEnd: '\n', comments: false, bom: false, blankLine: true },
  pieces: undefined,
  paddingBytes: 0,
  closesAfter: false,
}

/** The usage object as the fault has it; undefined: none is told. */
export function tellUsage(usage: object, how: Usual): unknown {
  if (how === 'told') return usage
  if (how === 'missing') return undefined
  return mapNumbers(usage, (count) => {
    if (how === 'negative') return -count - 1
    return how === 'text' ? String(count) : count + 1_000_000
  })
}

function mapNumbers(value: unknown, change: (count: number) => unknown): unknown {
  if (typeof value === 'number') return change(value)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, mapNumbers(inner, change)]),
  )
}
