// What a line of code may touch: `core` nothing but its arguments, and the environment only in
// config.ts.

import { blank, importsOf, isTest, lineAt } from './source.ts'
import type { Fault, SourceTree } from './source.ts'

/** A date or a Temporal made from a number is pure; today's is not. */
const impure = [
  {
    pattern: /\bDate\.now\b|\bnew Date\s*(?:\(\s*\)|(?![\w\s(]))|(?<!new )\bDate\(/g,
    what: 'the clock',
  },
  { pattern: /\bperformance\s*\.|\bTemporal\s*\.\s*Now\b/g, what: 'the clock' },
  {
    pattern: /\bMath\.random\b|\brandomUUID\b|\brandomBytes\b|\bgetRandomValues\b/g,
    what: 'chance',
  },
  {
    pattern: /(?<![.\w$])process\s*[.[]|\bglobalThis\b|(?<![.\w$])console\s*\./g,
    what: 'the process',
  },
  { pattern: /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/g, what: 'timers' },
  { pattern: /(?<![.\w$])fetch\s*\(|\bWebSocket\b|\bXMLHttpRequest\b/g, what: 'the network' },
]

export function checkPurity(tree: SourceTree): Fault[] {
  const faults: Fault[] = []
  for (const [path, text] of tree) {
    if (!path.startsWith('server/src/core/') || isTest(path)) continue
    const code = blank(text, { strings: true })
    for (const { pattern, what } of impure) {
      for (const match of code.matchAll(pattern)) {
        const message = `core uses ${what}: ${match[0].trim()}`
        faults.push({ path, line: lineAt(code, match.index), message })
      }
    }
  }
  return faults
}

const readsEnvironment = /\bprocess\s*(?:\.\s*env\b|\[)|\benv\b[^=;\n]*\}\s*=\s*process\b/g

export function checkEnvironment(tree: SourceTree): Fault[] {
  const faults: Fault[] = []
  for (const [path, text] of tree) {
    const isWatched = path.startsWith('server/src/') || path.startsWith('sdk/src/')
    if (!isWatched || isTest(path) || path === 'server/src/config.ts') continue
    const message = 'reads the environment; only server/src/config.ts may'
    const code = blank(text, { strings: true })
    for (const match of code.matchAll(readsEnvironment)) {
      faults.push({ path, line: lineAt(code, match.index), message })
    }
    for (const { target, names, line } of importsOf(path, text)) {
      const isProcess = target === 'node:process' || target === 'process'
      if (isProcess && (names.includes('env') || names.includes('*'))) {
        faults.push({ path, line, message })
      }
    }
  }
  return faults
}
