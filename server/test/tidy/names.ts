// Sizes and names.

import { basename } from 'node:path'
import { isTest, lineAt } from './source.ts'
import type { Fault, SourceTree } from './source.ts'

const linesMax = 400
/** Tables of cases are long and simple. */
const testLinesMax = 600

export function checkSizes(tree: SourceTree): Fault[] {
  return Array.from(tree).flatMap(([path, text]) => {
    const lines = text.trimEnd().split('\n').length
    const max = isTest(path) ? testLinesMax : linesMax
    return lines > max
      ? [{ path, line: max + 1, message: `${lines} lines, of at most ${max}` }]
      : []
  })
}

const bannedFolders = new Set(['helpers', 'common', 'utils', 'misc'])
const bannedFiles = /^(?:utils?|helpers?|common|misc)\.\w+$/

export function checkNames(tree: SourceTree): Fault[] {
  return Array.from(tree.keys()).flatMap((path) => {
    const folders = path.split('/').slice(0, -1)
    const isBanned =
      bannedFiles.test(basename(path)) || folders.some((name) => bannedFolders.has(name))
    return isBanned ? [{ path, line: 1, message: 'a name that says nothing of what is in it' }] : []
  })
}

/** Paths that exist on one developer's machine only. */
const machinePath = /(?<![\w.$}])\/(?:work|root|farm)\/|\/home\/\w+\//g

export function checkMachinePaths(tree: SourceTree): Fault[] {
  return Array.from(tree).flatMap(([path, text]) =>
    Array.from(text.matchAll(machinePath), (match) => ({
      path,
      line: lineAt(text, match.index),
      message: `names a path of one machine: ${match[0]}`,
    })),
  )
}
