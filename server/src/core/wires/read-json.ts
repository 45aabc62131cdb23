// Members of what an upstream answered, without trusting its shape.
import { AirworthyError } from '../errors.ts'

export function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return Reflect.get(value, key) ?? undefined
}

export function textMember(value: unknown, key: string): string | undefined {
  const text = member(value, key)
  return typeof text === 'string' ? text : undefined
}

export function listMember(value: unknown, key: string): readonly unknown[] {
  const list = member(value, key)
  return Array.isArray(list) ? list : []
}

/** A count: an integer >= 0, else undefined. */
export function countMember(value: unknown, key: string): number | undefined {
  const count = member(value, key)
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : undefined
}

export function invalidReply(what: string): AirworthyError {
  return new AirworthyError('upstream.invalid', `the upstream answered ${what}`)
}

/** An event's data. Throws `upstream.invalid`. */
export function parseEvent(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch (cause) {
    throw new AirworthyError('upstream.invalid', 'the upstream sent a broken event', { cause })
  }
}

const messageLengthMax = 500

/** What an upstream said about its failure within a stream: never a normal end. */
export function interrupted(error: unknown): AirworthyError {
  const type = textMember(error, 'type') ?? textMember(error, 'code') ?? 'error'
  const message = textMember(error, 'message') ?? 'no message'
  return new AirworthyError(
    'upstream.interrupted',
    `the upstream ended its stream in an error of its own (${type.slice(0, 100)})`,
    { detail: { upstream: { type, message: message.slice(0, messageLengthMax) } } },
  )
}
