import { createHash } from 'node:crypto'

// Object keys sorted, numbers as JavaScript writes doubles: equal values always give equal text.
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .toSorted(([a], [b]) => compareText(a, b))
      .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`)
    return `{${fields.join(',')}}`
  }
  return JSON.stringify(value)
}

export function hashDocument(doc: unknown): Buffer {
  return createHash('sha256').update(canonicalJson(doc)).digest()
}

// Code unit order, whatever the locale of the process.
export function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
