// Every fault by name, with what it does. Options are numbers: `ms`, `at`, `bytes`, ...
import type { MiddleKind, Plan, Refusal } from './plan.ts'

export type FaultOptions = Readonly<Record<string, number>>

export type Fault = {
  readonly about: string
  readonly options: FaultOptions
  /** `nowMs` is for Retry-After as a date. */
  readonly apply: (plan: Plan, options: FaultOptions, nowMs: number) => Plan
}

function fault(about: string, options: FaultOptions, apply: Fault['apply']): Fault {
  return { about, options, apply }
}

function refuse(
  about: string,
  status: number,
  more: {
    options?: FaultOptions
    headers?: (options: FaultOptions, nowMs: number) => Refusal['headers']
    code?: string
    isHtml?: boolean
  } = {},
): Fault {
  return fault(about, more.options ?? {}, (plan, options, nowMs) => ({
    ...plan,
    refusal: {
      status,
      message: `a fake ${status}`,
      code: more.code ?? null,
      headers: more.headers?.(options, nowMs) ?? {},
      isHtml: more.isHtml ?? false,
    },
  }))
}

/** In the middle of the body; `at` is 0 (nothing came) to 1 (all but the end came). */
function middle(about: string, kind: MiddleKind): Fault {
  return fault(about, { at: 0.5 }, (plan, { at = 0.5 }) => ({ ...plan, middle: { kind, at } }))
}

function framing(about: string, change: Partial<Plan['framing']>): Fault {
  return fault(about, {}, (plan) => ({ ...plan, framing: { ...plan.framing, ...change } }))
}

function usage(about: string, how: Plan['usage']): Fault {
  return fault(about, {}, (plan) => ({ ...plan, usage: how }))
}

export const faultTable = {
  latency: fault(
    'waits before the first byte, and between events',
    { ms: 200, chunkMs: 0 },
    (plan, o) => ({
      ...plan,
      firstByteMs: o['ms'] ?? 0,
      chunkMs: o['chunkMs'] ?? 0,
    }),
  ),
  'slow-bytes': fault(
    'sends the body in small pieces with pauses',
    { bytes: 16, ms: 5 },
    (plan, o) => ({
      ...plan,
      pieces: { bytes: Math.max(1, o['bytes'] ?? 16), pauseMs: o['ms'] ?? 5 },
    }),
  ),
  'split-bytes': fault(
    'ends each chunk of the body anywhere, also inside a character',
    { bytes: 7 },
    (plan, o) => ({
      ...plan,
      pieces: { bytes: Math.max(1, o['bytes'] ?? 7), pauseMs: 0 },
    }),
  ),

  'status-400': refuse('refuses the request as bad', 400, { code: 'fake_bad_request' }),
  'status-401': refuse('refuses the key', 401, { code: 'invalid_api_key' }),
  'status-404': refuse('says that there is no such model', 404, { code: 'model_not_found' }),
  'status-408': refuse('says that the request took too long', 408),
  'status-429': refuse('rate limit without a Retry-After', 429, { code: 'rate_limit_exceeded' }),
  'retry-after-seconds': refuse('429 with Retry-After in seconds', 429, {
    options: { seconds: 1 },
    code: 'rate_limit_exceeded',
    headers: ({ seconds = 1 }) => ({ 'retry-after': String(seconds) }),
  }),
  'retry-after-date': refuse('429 with Retry-After as an HTTP date', 429, {
    options: { seconds: 1 },
    code: 'rate_limit_exceeded',
    headers: ({ seconds = 1 }, nowMs) => ({
      // A date has whole seconds; rounded up, so that it is not over before it is read.
      'retry-after': new Date(Math.ceil(nowMs / 1000 + seconds) * 1000).toUTCString(),
    }),
  }),
  'retry-after-ms': refuse('429 with retry-after-ms beside a Retry-After in seconds', 429, {
    options: { ms: 200 },
    code: 'rate_limit_exceeded',
    headers: ({ ms = 200 }) => ({
      'retry-after-ms': String(ms),
      'retry-after': String(Math.ceil(ms / 1000)),
    }),
  }),
  'status-500': refuse('fails', 500),
  'status-502': refuse('a proxy in front fails', 502),
  'status-503': refuse('unavailable', 503),
  'status-503-retry-after': refuse('unavailable, with Retry-After in seconds', 503, {
    options: { seconds: 1 },
    headers: ({ seconds = 1 }) => ({ 'retry-after': String(seconds) }),
  }),
  'status-529': refuse('overloaded, as Anthropic says it', 529),
  'html-error': refuse('502 with a page of HTML', 502, { isHtml: true }),
  'wrong-status': fault(
    'a right reply under a status that it should not have',
    { status: 500 },
    (plan, o) => ({
      ...plan,
      status: o['status'] ?? 500,
    }),
  ),

  'reset-unread': fault('resets the connection; nothing was generated', {}, (plan) => ({
    ...plan,
    before: 'reset-unread',
  })),
  'reset-before-reply': fault(
    'generates the reply, bills it, and resets the connection',
    {},
    (plan) => ({
      ...plan,
      before: 'reset-answered',
    }),
  ),
  'reset-after-headers': fault('sends the headers and resets the connection', {}, (plan) => ({
    ...plan,
    afterHeaders: 'reset',
  })),
  'reset-mid-body': middle('resets the connection in the middle of the body', 'reset'),
  'cut-stream': middle('ends the body cleanly without its proper end', 'cut'),
  'half-event': middle('ends in the middle of an event', 'half-event'),
  silence: fault('never answers', {}, (plan) => ({ ...plan, before: 'silence' })),
  'silence-after-headers': fault('sends the headers and nothing more', {}, (plan) => ({
    ...plan,
    afterHeaders: 'silence',
  })),
  'silence-mid-body': middle('stops in the middle and keeps the connection', 'silence'),
  'error-event': middle('sends an error inside a stream that began well', 'error-event'),

  'bad-json': middle('sends an event (or a body) that is no JSON', 'bad-json'),
  'wrong-content-type': fault('says text/plain of what it sends', {}, (plan) => ({
    ...plan,
    contentType: 'text/plain; charset=utf-8',
  })),
  'no-blank-line': framing('leaves out the blank lines between events', { blankLine: false }),
  crlf: framing('ends lines with CR LF, which is allowed', { lineEnd: '\r\n' }),
  comments: framing('sends comment lines between events, which is allowed', { comments: true }),
  bom: framing('begins the stream with a byte order mark, which is allowed', { bom: true }),
  oversized: fault(
    'sends a reply that is larger by so many bytes',
    { bytes: 40_000_000 },
    (plan, o) => ({
      ...plan,
      paddingBytes: o['bytes'] ?? 40_000_000,
    }),
  ),

  'usage-missing': usage('tells no usage', 'missing'),
  'usage-negative': usage('tells negative counts', 'negative'),
  'usage-text': usage('tells counts as text', 'text'),
  'usage-huge': usage('tells a million tokens too many', 'huge'),

  'close-kept-alive': fault(
    'closes the connection right after a reply that kept it alive',
    {},
    (plan) => ({
      ...plan,
      closesAfter: true,
    }),
  ),
} as const satisfies Record<string, Fault>

export type FaultName = keyof typeof faultTable

export function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(faultTable, name)
}
