// The table of error codes and the pages in docs/errors agree.

import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { errorTable } from '../src/core/errors.ts'

const directory = join(import.meta.dirname, '..', '..', 'docs', 'errors')
const sections = ['## What happened', '## Example', '## How to mend it']

test('every error code has a page, and every page has a code', async () => {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.md'))
  const pages = names
    .map((name) => name.slice(0, -'.md'.length))
    .filter((name) => name !== 'README')
  assert.deepEqual(pages.toSorted(), Object.keys(errorTable).toSorted())
})

test('every page says what happened, shows an example, and how to mend it', async () => {
  const faults: string[] = []
  for (const code of Object.keys(errorTable)) {
    const text = await readFile(join(directory, `${code}.md`), 'utf8').catch(() => undefined)
    // The test above names the missing ones.
    if (text === undefined) continue
    const lines = text.split('\n').map((line) => line.trim())
    const missing = sections.filter((section) => !lines.includes(section))
    if (missing.length > 0) faults.push(`docs/errors/${code}.md lacks ${missing.join(', ')}`)
    if (!lines[0]?.includes(code)) faults.push(`docs/errors/${code}.md does not open with its code`)
  }
  assert.deepEqual(faults, [])
})
