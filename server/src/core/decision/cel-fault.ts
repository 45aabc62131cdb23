// What an error of the CEL evaluator says.

type Fault = {
  readonly summary: string
  readonly range: { start: number; end: number } | undefined
}

/** What an error of the evaluator says, without its drawing of the source. */
export function celFault(error: unknown): Fault {
  if (!(error instanceof Error)) return { summary: String(error), range: undefined }
  const summary =
    'summary' in error && typeof error.summary === 'string' ? error.summary : error.message
  const range = 'range' in error ? error.range : undefined
  return { summary, range: isRange(range) ? range : undefined }
}

function isRange(value: unknown): value is { start: number; end: number } {
  if (typeof value !== 'object' || value === null) return false
  return 'start' in value && typeof value.start === 'number' && 'end' in value
}
