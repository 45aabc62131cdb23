// Reads the source of the whole project and fails when it breaks a rule of the house.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { checkArrows } from './tidy/arrows.ts'
import { checkCycles } from './tidy/cycles.ts'
import { checkMachinePaths, checkNames, checkSizes } from './tidy/names.ts'
import { checkEnvironment, checkPurity } from './tidy/purity.ts'
import { readTree } from './tidy/source.ts'
import type { Fault, SourceTree } from './tidy/source.ts'

type Check = (tree: SourceTree) => Fault[]

function show(faults: readonly Fault[]): string[] {
  return faults.map(({ path, line, message }) => `${path}:${line}: ${message}`)
}

describe('the source keeps the rules of the house', async () => {
  const tree = await readTree(join(import.meta.dirname, '..', '..'))
  const rules: [string, Check][] = [
    ['imports point downwards', checkArrows],
    ['there is no import cycle', checkCycles],
    ['core is pure', checkPurity],
    ['only config.ts reads the environment', checkEnvironment],
    ['no file is too long', checkSizes],
    ['every name says something', checkNames],
    ['no path of one machine is named', checkMachinePaths],
  ]
  for (const [name, check] of rules) {
    test(name, () => {
      assert.ok(tree.size > 10, 'the source was found')
      assert.deepEqual(show(check(tree)), [])
    })
  }
})

/** Each fault is planted alone in a tree; the check must report that line and no other. */
const planted: { fault: string; check: Check; path: string; text: string; others?: string[] }[] = [
  arrow('core imports the store', 'core/a.ts', `import { b } from '../store/b.ts'`),
  arrow('core imports a type of the store', 'core/a.ts', `import type { B } from '../store/b.ts'`),
  arrow('core imports a library off the list', 'core/a.ts', `import { Client } from 'pg'`),
  arrow('core imports a built-in', 'core/a.ts', `import { readFile } from 'node:fs/promises'`),
  arrow('core imports randomness', 'core/a.ts', `import { hash, randomBytes } from 'node:crypto'`),
  arrow('core imports all of crypto', 'core/a.ts', `import crypto from 'node:crypto'`),
  arrow('core imports dynamically', 'core/a.ts', `const b = await import('../store/b.ts')`),
  arrow('the store imports an adapter', 'store/a.ts', `export { b } from '../adapters/b.ts'`),
  arrow('the gateway imports the api', 'gateway/a.ts', `import '../api/b.ts'`),
  arrow('the api imports jobs', 'api/noun/a.ts', `import { b } from '../../jobs/b.ts'`),
  arrow('jobs import the gateway', 'jobs/a.ts', `import {\n  b,\n} from '../gateway/b.ts'`),
  arrow('another command imports main', 'cli/replay.ts', `import { main } from '../main.ts'`),
  arrow('a folder that is not in the house', 'services/a.ts', `export {}`),
  arrow('source imports test code', 'store/a.ts', `import { b } from '../../test/database.ts'`),
  {
    fault: 'the sdk imports a package',
    check: checkArrows,
    path: 'sdk/src/a.ts',
    text: `import z from 'zod'`,
  },
  {
    fault: 'the web imports the server',
    check: checkArrows,
    path: 'web/src/a.tsx',
    text: `import { errorTable } from '../../server/src/core/errors.ts'`,
  },
  ...['examples/a/b.ts', 'bench/a/b.ts', 'e2e/a/b.ts'].map((path) => ({
    fault: `${path} imports the server`,
    check: checkArrows,
    path,
    text: `import { main } from '../../server/src/main.ts'`,
  })),
  {
    fault: 'a cycle of types',
    check: checkCycles,
    path: 'server/src/core/a.ts',
    text: `import type { B } from './b.ts'`,
    others: ['server/src/core/b.ts', `import type { A } from './a.ts'`],
  },
  ...[
    'const now = Date.now()',
    'const now = new Date()',
    'const now = `at ${new Date()}`',
    'const roll = Math.random()',
    'const id = crypto.randomUUID()',
    'const port = process.argv[2]',
    'setTimeout(() => undefined, 10)',
    "const reply = await fetch('http://x')",
    'const quote = /[\'"`]/; const now = Date.now()',
  ].map((text) => ({
    fault: `core has ${text}`,
    check: checkPurity,
    path: 'server/src/core/a.ts',
    text,
  })),
  ...[
    'const key = process.env.KEY',
    "const key = process['env'].KEY",
    'const { env } = process',
    "import { env } from 'node:process'",
    "import process from 'node:process'",
  ].map((text) => ({
    fault: `the server has ${text}`,
    check: checkEnvironment,
    path: 'server/src/store/a.ts',
    text,
  })),
  { fault: '401 lines', check: checkSizes, path: 'bench/a.ts', text: 'a\n'.repeat(401) },
  {
    fault: '601 lines of test',
    check: checkSizes,
    path: 'bench/a.test.ts',
    text: 'a\n'.repeat(601),
  },
  { fault: 'utils.ts', check: checkNames, path: 'server/src/core/utils.ts', text: '' },
  { fault: 'helpers/', check: checkNames, path: 'examples/helpers/a.ts', text: '' },
  { fault: 'common/', check: checkNames, path: 'sdk/src/common/a.ts', text: '' },
  ...['work', 'root', 'farm'].map((name) => ({
    fault: `a path below ${name}`,
    check: checkMachinePaths,
    path: 'bench/a.ts',
    text: `const data = '/${name}/data'`,
  })),
]

function arrow(fault: string, path: string, text: string) {
  return { fault, check: checkArrows, path: `server/src/${path}`, text }
}

describe('a planted fault is reported', () => {
  for (const { fault, check, path, text, others = [] } of planted) {
    test(fault, () => {
      const [otherPath, otherText] = others
      const tree = new Map([[path, text]])
      if (otherPath !== undefined && otherText !== undefined) tree.set(otherPath, otherText)
      const faults = check(tree)
      assert.equal(faults.length, 1, show(faults).join('\n'))
      assert.equal(faults[0]?.path, path)
    })
  }
})

describe('what is right is not reported', () => {
  const right: [string, string][] = [
    ['server/src/core/a.ts', `import { hash } from 'node:crypto'\nimport { z } from 'zod'`],
    ['server/src/core/b.ts', `// import { b } from '../store/b.ts', Date.now()\nconst a = 1`],
    [
      'server/src/core/c.ts',
      `const text = 'process.env.A, Math.random()' + \`Date.now() \${'a'}\``,
    ],
    [
      'server/src/core/d.ts',
      `const at = new Date(atMs).toISOString()\nconst process = call.process`,
    ],
    ['server/src/config.ts', `const port = process.env.PORT`],
    ['server/src/cli/serve.ts', `import { main } from '../main.ts'`],
    ['server/src/gateway/a.test.ts', `import { createTestDatabase } from '../../test/database.ts'`],
    ['server/src/api/noun/a.ts', `import type { Hold } from '@airworthy/sdk'`],
    ['e2e/a.ts', `import { createTestDatabase } from '../server/test/database.ts'`],
  ]
  const checks = [checkArrows, checkCycles, checkPurity, checkEnvironment, checkSizes, checkNames]
  for (const [path, text] of right) {
    test(path, () => {
      const tree = new Map([[path, text]])
      assert.deepEqual(
        checks.flatMap((check) => show(check(tree))),
        [],
      )
    })
  }
})
