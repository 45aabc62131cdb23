// What commands print: a table or a few lines for people, one JSON document for machines.
import { amountText } from '../core/money/asset.ts'
import { formatProblem } from '../core/pact/problem.ts'
import type { Failure } from './failure.ts'

/** Prints one JSON document to stdout. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

export function printLine(line = ''): void {
  process.stdout.write(`${line}\n`)
}

/** Notes that are no result: they must not end in a pipe. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`)
}

type Row = readonly (string | number | null | undefined)[]

const cellCharactersMax = 80

/** Prints rows under their headings; the columns are as wide as they must be. */
export function printTable(headings: readonly string[], rows: readonly Row[]): void {
  const cells = [headings, ...rows.map((row) => headings.map((_, index) => cellOf(row[index])))]
  const widths = headings.map((_, index) =>
    Math.max(...cells.map((row) => (row[index] ?? '').length)),
  )
  for (const row of cells) {
    printLine(
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
  }
}

/** Prints labels and values, one a line. */
export function printFields(fields: Readonly<Record<string, string | number | null>>): void {
  const width = Math.max(...Object.keys(fields).map((label) => label.length))
  for (const [label, value] of Object.entries(fields)) {
    printLine(`${label.padEnd(width)}  ${cleanText(String(value ?? '-'))}`)
  }
}

function cellOf(value: string | number | null | undefined): string {
  const text = value === null || value === undefined || value === '' ? '-' : String(value)
  const clean = cleanText(text)
  return clean.length <= cellCharactersMax ? clean : `${clean.slice(0, cellCharactersMax - 3)}...`
}

/** Words of agents and tools must not move the cursor or colour an operator's terminal. */
export function cleanText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return text.replaceAll(/[\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]/g, ' ')
}

/** `2026-11-22 04:57:47Z` */
export function shortTime(time: string | null): string {
  return time === null ? '-' : `${time.slice(0, 19).replace('T', ' ')}Z`
}

/** Nano-USD as dollars, all digits that matter and at least two. */
export function dollars(nanoUsd: string | null): string {
  if (nanoUsd === null) return '-'
  if (nanoUsd.startsWith('-')) return `-${dollars(nanoUsd.slice(1))}`
  const digits = nanoUsd.padStart(10, '0')
  const decimals = digits.slice(-9).replace(/0+$/, '').padEnd(2, '0')
  return `$${digits.slice(0, -9)}.${decimals}`
}

/** `12.50 EUR`, `1250 JPY`. */
export function money(amount: { minorUnits: string; currency: string } | null): string {
  return amount === null ? '-' : amountText(amount.minorUnits, amount.currency)
}

/** Prints why a command failed: to stderr for people, as one JSON document for machines. */
export function printFailure(failure: Failure, isJson: boolean): void {
  const { code, message, detail, mend } = failure
  if (isJson) {
    const parts = { ...(detail === undefined ? {} : { detail }), ...(mend ? { mend } : {}) }
    // One line, for those who wait for the ready line of `serve --json`.
    printLine(JSON.stringify({ error: { code, message, ...parts } }))
    return
  }
  for (const problem of problemsOf(detail)) note(cleanText(problem))
  note(`airworthy: ${code}: ${cleanText(message)}`)
  if (mend !== undefined) note(mend)
}

function problemsOf(detail: Failure['detail']): string[] {
  const problems = detail?.['problems']
  return Array.isArray(problems) ? problems.map(problemText) : []
}

function problemText(problem: unknown): string {
  const fields = new Map<string, unknown>(
    typeof problem === 'object' && problem !== null ? Object.entries(problem) : [],
  )
  const text = (name: string): string => {
    const value = fields.get(name)
    return typeof value === 'string' ? value : ''
  }
  if (!fields.has('line')) return `${text('path')}: ${text('message')}`
  return formatProblem({
    file: text('file'),
    line: Number(fields.get('line')),
    column: Number(fields.get('column')),
    path: text('path'),
    value: fields.get('value'),
    expected: text('expected'),
    message: text('message'),
  })
}
