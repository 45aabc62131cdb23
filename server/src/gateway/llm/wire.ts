// What the gateway must know of a model wire: what is asked for, what was used, which tools the
// reply calls, how a limit is set, and how an error looks to that wire's clients.
import type { ErrorBody } from '@airworthy/sdk'
import { AirworthyError } from '../../core/errors.ts'
import type { CompiledEndpoint } from '../../core/pact/compiled.ts'
import type { PricedUsage, ServiceTier } from '../../core/pricing/prices.ts'
import type { ModelApi } from '../../core/wires/model-api.ts'
import type { TokenUsage } from '../../store/recorder/types.ts'
import { refuseTwoReadings } from './one-reading.ts'
import type { Member } from './set-members.ts'

export type ModelRequest = {
  readonly model: string
  readonly stream: boolean
  /** Over all choices, as the client asks; undefined where it leaves it to the model. */
  readonly maxOutputTokens: number | undefined
  /** How many replies are asked for at once. */
  readonly choices: number
  /** Undefined where the client sends none. */
  readonly systemText: string | undefined
  /** A provider's built-in tool goes by its `type`. */
  readonly toolNames: readonly string[]
  /** The client wants the usage event of a stream; otherwise it is asked for and withheld. */
  readonly wantsUsageEvent: boolean
  /** Images and documents in the body: their tokens are not bounded by their bytes. */
  readonly inlineParts: number
  /** The first part whose tokens are not in the body at all, such as an image by its URL. */
  readonly outside: string | undefined
  /** A way of being served that has a price of its own: `service_tier: priority`. */
  readonly dearer?: DearerService | undefined
  /** A bound of the prompt's tokens that the wire knows better than by bytes. */
  readonly promptTokensMax?: number | undefined
  /** The body, parsed. */
  readonly json: object
}

export type DearerService = {
  /** As the request has it, for people. */
  readonly asked: string
  /** Undefined for what no list of prices has. */
  readonly tier: ServiceTier | undefined
}

export type ReplyFindings = {
  readonly usage: TokenUsage | undefined
  readonly toolNames: readonly string[]
  /** What else the price of the usage depends on; absent for most. */
  readonly terms?: PriceTerms | undefined
}

export type PriceTerms = Pick<
  PricedUsage,
  'serviceTier' | 'mediaPromptTokens' | 'mediaCompletionTokens'
>

/** What a stream has told before its end: each count is at least what was used. */
export type PartialUsage = TokenUsage

export const nothingTold: PartialUsage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 }

/** Reads a stream as it passes. */
export type StreamScanner = {
  /**
   * Takes one whole server-sent event; says whether it goes on, is withheld, or is the last. What
   * official clients could not read goes on as it is mended.
   */
  readonly take: (event: string) => 'pass' | 'withhold' | 'last' | { readonly pass: string }
  readonly findings: () => ReplyFindings
  /** True once the stream said that it is complete. */
  readonly isComplete: () => boolean
  /** The error that the upstream's own error event told, if one came. */
  readonly failure: () => string | undefined
  /** What was told so far of a stream that did not end. */
  readonly partial: () => PartialUsage
}

export type ModelWire = {
  readonly api: ModelApi
  /** It has no counterpart on another wire. */
  readonly isSameWireOnly?: boolean
  /** Nothing is generated, and nothing is charged. */
  readonly countsOnly?: boolean
  /** The path below the upstream's base URL. */
  readonly upstreamPath: string
  /** Throws `request.invalid_json`, `request.invalid` or `request.unsupported`. */
  readonly readRequest: (body: Buffer) => ModelRequest
  /**
   * What must be changed in a body of this wire for the endpoint; nothing for most. `outputTokens`
   * is set where a budget leaves less than the client asks for, for each choice.
   */
  readonly changes: (
    request: ModelRequest,
    upstream: { readonly endpoint: CompiledEndpoint; readonly outputTokens: number | undefined },
  ) => Member[]
  /** Beside those that every upstream gets. */
  readonly upstreamHeaders: (
    client: Record<string, string | string[] | undefined>,
  ) => Record<string, string>
  /** Throws `upstream.invalid` for what is no reply of this wire. */
  readonly readReply: (body: Buffer) => ReplyFindings
  readonly createScanner: (request: ModelRequest) => StreamScanner
  /** The text that a stream's event adds to the reply, roughly and quickly; empty for none. */
  readonly deltaOf: (event: string) => string
  readonly errorBody: (error: ErrorBody['error']) => object
  /** The event that ends a stream in an error. */
  readonly errorEvent: (error: ErrorBody['error']) => string
}

/** Its reply has no words of the model: vectors, or a count. */
export function isWordless({ api, countsOnly }: ModelWire): boolean {
  return api === 'embeddings' || countsOnly === true
}

/** A property of something that came over a wire, without trusting its shape. */
export function property(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined
}

export function listProperty(value: unknown, key: string): readonly unknown[] {
  const list = property(value, key)
  return Array.isArray(list) ? list : []
}

export function textProperty(value: unknown, key: string): string | undefined {
  const text = property(value, key)
  return typeof text === 'string' ? text : undefined
}

/** A count of tokens: an integer >= 0, else undefined. */
export function countProperty(value: unknown, key: string): number | undefined {
  const count = property(value, key)
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : undefined
}

/**
 * A count that a request asks for; `null` asks for nothing. What is no count is refused, because an
 * upstream may take it for one: "100", or -1 for no end. Throws `request.invalid`.
 */
export function askedCount(json: object, key: string, least = 1): number | undefined {
  const value = property(json, key)
  if (value === undefined || value === null) return undefined
  const count = countProperty(json, key)
  if (count !== undefined && count >= least) return count
  throw new AirworthyError('request.invalid', `\`${key}\` must be an integer, at least ${least}`)
}

/** Throws `request.invalid` for what is neither true nor false. */
export function askedFlag(json: unknown, key: string): boolean {
  const value = property(json, key)
  if (value === undefined || value === null) return false
  if (typeof value === 'boolean') return value
  throw new AirworthyError('request.invalid', `\`${key}\` must be true or false`)
}

/** Throws `request.invalid_json` or `request.invalid`. */
export function parseBody(body: Buffer): object {
  const text = body.toString('utf8')
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : 'the body is not JSON'
    throw new AirworthyError('request.invalid_json', `the body is not valid JSON: ${message}`)
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new AirworthyError('request.invalid', 'the body must be a JSON object')
  }
  refuseTwoReadings(text, json)
  return json
}

/** Throws `upstream.invalid`. */
export function parseReply(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (cause) {
    throw new AirworthyError('upstream.invalid', 'the upstream answered no JSON', { cause })
  }
}

/** Throws `upstream.invalid`. */
export function parseEvent(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch (cause) {
    throw new AirworthyError('upstream.invalid', 'the upstream sent a broken event', { cause })
  }
}

/** Served so, a call costs the standard price, or less. */
const standardTiers: ReadonlySet<unknown> = new Set([
  'auto',
  'default',
  'standard',
  'standard_only',
  'flex',
  'batch',
])

/** What of a request makes its call dearer than the standard price; undefined for most. */
export function readDearer(json: object): DearerService | undefined {
  const tier = property(json, 'service_tier')
  if (tier == null || standardTiers.has(tier)) return undefined
  return { asked: askedText('service_tier', tier), tier: serviceTierOf(tier) }
}

/** A member of a request, for people. */
export function askedText(name: string, value: unknown): string {
  return `${name}: ${JSON.stringify(value).slice(0, 40)}`
}

/** How the upstream says it served the call, where that has a price of its own. */
export function serviceTierOf(value: unknown): PriceTerms['serviceTier'] {
  return value === 'flex' || value === 'priority' || value === 'batch' ? value : undefined
}

/** The data of a server-sent event (WHATWG HTML section 9.2): its `data` lines, joined. */
export function readData(event: string): string {
  if (event.startsWith('data: ') && event.indexOf('\n') === event.length - 2) {
    return event.slice(6, -2)
  }
  const lines: string[] = []
  for (const line of event.split(/\r\n|\n|\r/)) {
    if (line.startsWith('data:')) lines.push(line.slice(line[5] === ' ' ? 6 : 5))
  }
  return lines.join('\n')
}

/**
 * The data of an event of a model stream: one JSON object, or `[DONE]`; empty for a comment. Not
 * each is parsed, but none that was cut off is passed on. Throws `upstream.invalid`.
 */
export function wholeData(event: string): string {
  const data = readData(event)
  const isWhole = data === '' || (data.startsWith('{') && data.trimEnd().endsWith('}'))
  if (isWhole || data === '[DONE]') return data
  throw new AirworthyError('upstream.invalid', 'the upstream sent a broken event')
}

/** As the manifest has it: no name of more than 128 visible ASCII characters can be enrolled. */
const modelNamePattern = /^[\x21-\x7e]{1,128}$/

/** The model that a request names. Throws `request.invalid`. */
export function readModelName(json: unknown): string {
  const name = textProperty(json, 'model')
  if (name !== undefined && modelNamePattern.test(name)) return name
  throw new AirworthyError('request.invalid', '`model` must be the name of an enrolled model')
}

/** More than any model gives; below it, no product with a price passes what the ledger holds. */
const outputTokensMax = 1_000_000_000

/** What a request asks for at most, over all its choices. Throws `request.invalid`. */
export function boundTokens(asked: number | undefined, choices = 1): number | undefined {
  if (asked === undefined) return undefined
  // Each choice may use that much.
  const tokens = asked * Math.max(choices, 1)
  if (tokens <= outputTokensMax) return tokens
  const message = `${tokens} completion tokens are more than the ${outputTokensMax} that may be asked`
  throw new AirworthyError('request.invalid', message)
}

/**
 * The text of the first of these members in an event, as JSON writes it: `"content":"..."`. It is
 * not parsed, so a member of the same name elsewhere counts too; only its length matters.
 */
export function rawText(event: string, members: readonly string[]): string {
  for (const member of members) {
    const start = event.indexOf(`"${member}":`)
    if (start === -1) continue
    let from = start + member.length + 3
    while (event.charCodeAt(from) === 0x20) from += 1
    if (event.charCodeAt(from) !== 0x22) continue
    let to = from + 1
    while (to < event.length && event.charCodeAt(to) !== 0x22) {
      to += event.charCodeAt(to) === 0x5c ? 2 : 1
    }
    if (to > from + 1) return event.slice(from + 1, to)
  }
  return ''
}
