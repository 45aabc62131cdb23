// What came over a wire, read without trusting its shape.
import assert from 'node:assert/strict'

export type Json = Readonly<Record<string, unknown>>

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function asRecord(value: unknown): Json {
  assert(isRecord(value), `not an object: ${JSON.stringify(value)}`)
  return value
}

/** The value at a dotted path; undefined where there is none. */
export function at(value: unknown, path: string): unknown {
  let found: unknown = value
  for (const step of path.split('.')) {
    if (Array.isArray(found)) found = found[Number(step)]
    else found = isRecord(found) ? found[step] : undefined
  }
  return found
}

export function textAt(value: unknown, path: string): string {
  const found = at(value, path)
  assert(typeof found === 'string', `no text at ${path}: ${JSON.stringify(value)?.slice(0, 500)}`)
  return found
}

/** RFC 8785 of the plain values that entries hold: sorted keys, no white space. */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`
  if (!isRecord(value)) return JSON.stringify(value)
  const names = Object.keys(value).toSorted()
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalText(value[name])}`).join(',')}}`
}
