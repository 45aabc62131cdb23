// What `npm test` prints: a line per file, every failure whole, every skip with its reason. The
// counts go to a file, because the runner adds up several processes.

import { appendFileSync } from 'node:fs'
import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'

type Of<T extends TestEvent['type']> = Extract<TestEvent, { type: T }>['data']

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  /** Names of the tests that the running one is part of, by depth. */
  const path: string[] = []
  const printed = new Map<string, string>()
  for await (const event of events) {
    if (event.type === 'test:start') path.splice(event.data.nesting, path.length, event.data.name)
    else if (event.type === 'test:pass') yield skipLine(event.data, path)
    else if (event.type === 'test:fail') yield failure(event.data, path, printed)
    else if (event.type === 'test:stdout' || event.type === 'test:stderr') {
      const { file, message } = event.data
      printed.set(file, (printed.get(file) ?? '') + message)
    } else if (event.type === 'test:summary') yield summary(event.data)
  }
}

function nameOf(data: Of<'test:fail'> | Of<'test:pass'>, path: readonly string[]): string {
  return [...path.slice(0, data.nesting), data.name].join(' > ')
}

function skipLine(data: Of<'test:pass'>, path: readonly string[]): string {
  const reason = data.skip ?? data.todo
  if (reason === undefined || reason === false) return ''
  return `skipped: ${nameOf(data, path)}: ${reason === true ? 'no reason given' : reason}\n`
}

function failure(
  data: Of<'test:fail'>,
  path: readonly string[],
  printed: Map<string, string>,
): string {
  const { error } = data.details
  // The parts of it have been printed, each with its own reason.
  if ('failureType' in error && error.failureType === 'subtestsFailed') return ''
  const place = data.file === undefined ? '' : ` (${relative('.', data.file)}:${data.line ?? 0})`
  const output = data.file === undefined ? undefined : printed.get(data.file)
  if (data.file !== undefined) printed.delete(data.file)
  const shown = output === undefined ? '' : `  it printed:\n${indent(output)}`
  const reason = indent(inspect(error.cause ?? error, { depth: 8 }))
  return `\nFAILED: ${nameOf(data, path)}${place}\n${reason}${shown}\n`
}

function indent(text: string): string {
  return `${text.trimEnd().replaceAll(/^/gm, '    ')}\n`
}

function summary(data: Of<'test:summary'>): string {
  const { tests, passed, skipped, todo } = data.counts
  if (data.file !== undefined) {
    const seconds = (data.duration_ms / 1000).toFixed(1)
    return `${data.success ? 'ok    ' : 'FAILED'} ${relative('.', data.file)} (${seconds} s)\n`
  }
  const tally = process.env['AIRWORTHY_TEST_TALLY']
  // Cancelled tests count as failed: nobody knows what they would have shown.
  const failed = tests - passed - skipped - todo
  const counts = { passed, failed, skipped: skipped + todo }
  if (tally !== undefined) appendFileSync(tally, `${JSON.stringify(counts)}\n`)
  return ''
}
