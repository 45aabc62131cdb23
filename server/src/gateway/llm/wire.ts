// What the gateway must know of a model wire to pass it through: what is asked for, what was used,
// which tools the reply calls, and how an error looks to that wire's clients.
import type { ErrorBody } from '@airworthy/sdk'
import { AirworthyError } from '../../core/errors.ts'
import type { CompiledModel } from '../../core/pact/compiled.ts'
import type { TokenUsage } from '../../store/recorder/types.ts'

export type ModelRequest = {
  readonly model: string
  readonly stream: boolean
  /** As the client asks; undefined where it leaves it to the model. */
  readonly maxOutputTokens: number | undefined
  /** Undefined where the client sends none. */
  readonly systemText: string | undefined
  readonly toolNames: readonly string[]
  /** The client wants the usage event of a stream; otherwise it is asked for and withheld. */
  readonly wantsUsageEvent: boolean
}

export type ReplyFindings = {
  readonly usage: TokenUsage | undefined
  readonly toolNames: readonly string[]
}

/** Reads a stream as it passes. */
export type StreamScanner = {
  /** Takes one whole server-sent event; says whether it goes on, is withheld, or is the last. */
  readonly take: (event: string) => 'pass' | 'withhold' | 'last'
  readonly findings: () => ReplyFindings
  /** True once the stream said that it is complete. */
  readonly isComplete: () => boolean
}

export type ModelWire = {
  readonly name: CompiledModel['wire']
  /** The path below the upstream's base URL. */
  readonly upstreamPath: string
  /** Throws `request.invalid_json` or `request.invalid`. */
  readonly readRequest: (body: Buffer) => ModelRequest
  /** The body for the upstream: byte for byte the client's where nothing must change. */
  readonly prepareBody: (body: Buffer, request: ModelRequest, model: CompiledModel) => Buffer
  readonly upstreamHeaders: (
    apiKey: string | undefined,
    client: Record<string, string | string[] | undefined>,
  ) => Record<string, string>
  /** Throws `upstream.invalid` for what is no reply of this wire. */
  readonly readReply: (body: Buffer) => ReplyFindings
  readonly createScanner: (request: ModelRequest) => StreamScanner
  readonly errorBody: (error: ErrorBody['error']) => object
  /** The event that ends a stream in an error. */
  readonly errorEvent: (error: ErrorBody['error']) => string
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

/** A count of tokens: an integer >= 0, else undefined. */
export function countProperty(value: unknown, key: string): number | undefined {
  const count = property(value, key)
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : undefined
}
