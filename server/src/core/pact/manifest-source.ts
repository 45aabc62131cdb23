// The YAML side of a manifest: values, and the place of each value in the text.
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument, visit } from 'yaml'
import type { Document, Node, Pair } from 'yaml'
import { parsePath } from './problem.ts'
import type { PactProblem, PathStep, Problem } from './problem.ts'

const TEXT_MAX = 1_000_000
const ALIASES_MAX = 100

export type Position = { readonly line: number; readonly column: number }

export type Source = {
  readonly value: unknown
  /** The place of the value at a path; of the nearest parent's key when it is missing. */
  readonly positionOf: (path: readonly PathStep[], options?: { readonly key: boolean }) => Position
}

export type SourceOutcome =
  | { readonly kind: 'ok'; readonly source: Source }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }

/** Reads one YAML (or JSON) document; all syntax errors and duplicate keys at once. */
export function readSource(text: string, file: string): SourceOutcome {
  const problem = (position: Position, message: string): Problem => ({
    file,
    ...position,
    path: '',
    value: undefined,
    expected: 'YAML',
    message,
  })
  if (text.length > TEXT_MAX) {
    const message = `the file is longer than ${TEXT_MAX} characters`
    return { kind: 'invalid', problems: [problem({ line: 1, column: 1 }, message)] }
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    const problems = faults.map((fault) =>
      problem(placeOf(lines, fault.pos[0]), fault.message.replace(/\.$/, '')),
    )
    return { kind: 'invalid', problems }
  }
  const hidden = hiddenKey(document)
  if (hidden !== undefined) {
    const message = 'the key __proto__ is not allowed'
    return { kind: 'invalid', problems: [problem(placeOf(lines, hidden), message)] }
  }
  try {
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX })
    const positionOf: Source['positionOf'] = (path, options) =>
      placeOf(lines, offsetOf(document, path, options?.key ?? false))
    return { kind: 'ok', source: { value, positionOf } }
  } catch (error) {
    const message = error instanceof Error ? error.message : 'the document cannot be read'
    return { kind: 'invalid', problems: [problem({ line: 1, column: 1 }, message)] }
  }
}

/** Where a key `__proto__` stands: the schema would pass over it in silence. */
function hiddenKey(document: Document): number | undefined {
  let offset: number | undefined
  visit(document, {
    Pair: (_, pair) => {
      if (keyText(pair.key) === '__proto__') offset ??= startOf(pair.key)
    },
  })
  return offset
}

function placeOf(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

/** Follows the path as far as the document goes and answers the offset to point at. */
function offsetOf(document: Document, path: readonly PathStep[], wantsKey: boolean): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const [index, step] of path.entries()) {
    const found = childOf(document, node, step)
    if (found === undefined) return offset
    const isLast = index === path.length - 1
    // The value of `key:` without a value has no place of its own; the key stands for it. A parent
    // that lacks the next step is pointed at by its key, too.
    const nextIsMissing =
      !isLast && childOf(document, found.node, path[index + 1] ?? '') === undefined
    const preferKey = (isLast && wantsKey) || nextIsMissing
    offset =
      (preferKey ? found.keyOffset : undefined) ?? startOf(found.node) ?? found.keyOffset ?? offset
    node = found.node
  }
  return offset
}

type Child = { readonly node: unknown; readonly keyOffset: number | undefined }

function childOf(document: Document, parent: unknown, step: PathStep): Child | undefined {
  const node = isAlias(parent) ? parent.resolve(document) : parent
  if (isSeq(node)) {
    const item = typeof step === 'number' ? node.items[step] : undefined
    return item === undefined ? undefined : { node: item, keyOffset: undefined }
  }
  if (!isMap(node)) return undefined
  const pair: Pair | undefined = node.items.find((item) => keyText(item.key) === String(step))
  return pair === undefined ? undefined : { node: pair.value, keyOffset: startOf(pair.key) }
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key)
}

function startOf(node: unknown): number | undefined {
  return hasRange(node) ? node.range?.[0] : undefined
}

function hasRange(node: unknown): node is Node {
  return typeof node === 'object' && node !== null && 'range' in node
}

/** The line and column of a path such as `pact.permissions[2].when` in a manifest's text. */
export function locate(text: string, path: string): Position {
  const outcome = readSource(text, '')
  const steps = parsePath(path)
  if (outcome.kind === 'invalid' || steps === undefined) return { line: 1, column: 1 }
  return outcome.source.positionOf(steps)
}

/** Gives the problems of `compilePact` their places in the manifest's text. */
export function placeProblems(input: {
  readonly text: string
  readonly file: string
  readonly problems: readonly PactProblem[]
}): readonly Problem[] {
  const outcome = readSource(input.text, input.file)
  return input.problems.map((problem) => {
    const steps = parsePath(problem.path)
    const position =
      outcome.kind === 'ok' && steps !== undefined
        ? outcome.source.positionOf(steps)
        : { line: 1, column: 1 }
    return { ...problem, file: input.file, ...position }
  })
}
