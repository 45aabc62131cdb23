// The source as the tidy checks read it. TypeScript 7 has no compiler API, so this reads as much of
// the language as the checks need: what is code, what is text, and what is imported.

import { glob, readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'

/** Text by path; paths are relative to the checkout, with forward slashes. */
export type SourceTree = ReadonlyMap<string, string>

export type Fault = { readonly path: string; readonly line: number; readonly message: string }

export type Import = {
  /** A path of the tree when the import is relative, else the package or built-in. */
  readonly target: string
  readonly names: readonly string[]
  readonly line: number
}

const folders = [
  'sdk/src',
  'server/{bin,src,test}',
  'web/src',
  'examples',
  'bench',
  'e2e',
  'scripts',
]

function isNotOurs(path: string): boolean {
  return /(^|\/)(node_modules|dist)(\/|$)/.test(path)
}

export async function readTree(root: string): Promise<SourceTree> {
  const patterns = folders.map((folder) => `${folder}/**/*.{ts,tsx,js,mjs}`)
  const files = await Array.fromAsync(glob(patterns, { cwd: root, exclude: isNotOurs }))
  const read = files.map(async (path): Promise<[string, string]> => {
    return [path.replaceAll('\\', '/'), await readFile(join(root, path), 'utf8')]
  })
  return new Map(await Promise.all(read))
}

export function isTest(path: string): boolean {
  return /\.test\.(ts|tsx|mjs)$/.test(path)
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

const importPattern =
  /(?:\b(?:import|export)\b([\w\s{},*$]*?)\bfrom\s*|\bimport\s*\(?\s*)(['"])([^'"\n]+)\2/g

/** Static, dynamic and type imports, and re-exports. */
export function importsOf(path: string, text: string): Import[] {
  const code = blank(text, { strings: false })
  return Array.from(code.matchAll(importPattern), (match) => {
    const [, clause = '', , specifier = ''] = match
    const isRelative = specifier.startsWith('.')
    const target = isRelative ? posix.join(posix.dirname(path), specifier) : specifier
    const named = /\{([^}]*)\}/.exec(clause)?.[1] ?? ''
    const names = named.split(',').map((name) => name.trim().replace(/^type\s+|\s+as\s.*$/g, ''))
    const hasOther =
      clause
        .replace(/\{[^}]*\}/, '')
        .replace(/\btype\b/, '')
        .trim() !== ''
    const all = hasOther ? ['*', ...names] : names
    return { target, names: all.filter((name) => name !== ''), line: lineAt(code, match.index) }
  })
}

/** The code with comments, and strings when asked, turned into spaces; offsets stay the same. */
export function blank(text: string, options: { strings: boolean }): string {
  let result = ''
  for (const { kind, value } of tokens(text)) {
    const isKept = kind === 'code' || (kind === 'string' && !options.strings)
    result += isKept ? value : value.replaceAll(/[^\n]/g, ' ')
  }
  return result
}

type Token = { kind: 'code' | 'comment' | 'string' | 'template' | 'regexp'; value: string }

const tokenPatterns = [
  { kind: 'comment', pattern: /\/\/[^\n]*|\/\*[\s\S]*?\*\//y },
  { kind: 'string', pattern: /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y },
  { kind: 'regexp', pattern: /\/(?![*/])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y },
] as const

/** A slash after a value divides; anywhere else it opens a regular expression. */
const endsWithValue = /(?:[\w$)\]}]|\+\+|--)\s*$/
const endsWithKeyword = /\b(?:return|typeof|case|in|of|await|yield|throw)\s*$/

function* tokens(text: string): Generator<Token> {
  let position = 0
  let before = ''
  /** Depth of braces in each template expression that is open. */
  const templates: number[] = []
  while (position < text.length) {
    const token = tokenAt(text, position, before) ?? templateAt(text, position, templates)
    const value = token?.value ?? text.charAt(position)
    yield token ?? { kind: 'code', value }
    position += value.length
    if (token?.kind !== 'comment')
      before = (before + (token === undefined ? value : '"a')).slice(-12)
  }
}

function tokenAt(text: string, position: number, before: string): Token | undefined {
  for (const { kind, pattern } of tokenPatterns) {
    if (kind === 'regexp' && endsWithValue.test(before) && !endsWithKeyword.test(before)) continue
    pattern.lastIndex = position
    const value = pattern.exec(text)?.[0]
    if (value !== undefined) return { kind, value }
  }
  return undefined
}

/** The text of a template up to its end or to the next `${`, whose expression is code. */
function templateAt(text: string, position: number, templates: number[]): Token | undefined {
  const character = text.charAt(position)
  const depth = templates.at(-1)
  const isBack = character === '}' && depth === 0
  if (depth !== undefined && !isBack) {
    if (character === '{') templates[templates.length - 1] = depth + 1
    if (character === '}') templates[templates.length - 1] = depth - 1
  }
  if (character !== '`' && !isBack) return undefined
  if (isBack) templates.pop()
  const pattern = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(`|\$\{|$)/y
  pattern.lastIndex = position + 1
  const match = pattern.exec(text)
  if (match?.[1] === '${') templates.push(0)
  return { kind: 'template', value: character + (match?.[0] ?? '') }
}
