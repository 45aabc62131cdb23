// What CEL itself lets pass and a rule must not: a comparison of values of two kinds, which is
// simply false, and one that a look-alike text slips past. Both become errors here, and an erring
// rule denies. Also numbers that are none: a text read as a number, and a quotient of doubles.
import type { ASTNode } from '@marcbachmann/cel-js'
import { onlyLooks } from './look-alike.ts'
import type { TextTest } from './look-alike.ts'
import { childrenOf } from './rule-references.ts'

export type UnsafeNumber = { readonly found: string; readonly expected: string }

const TEXT_TESTS: ReadonlySet<string> = new Set(['startsWith', 'endsWith', 'contains'])
const INTEGER_MAX = 2n ** 63n - 1n
const CONVERSIONS: ReadonlySet<string> = new Set(['double', 'int', 'uint'])

/** Every node of a condition. Take it before the check: the checker rewrites macros in the tree. */
export function nodesOf(root: ASTNode): ASTNode[] {
  return [root, ...childrenOf(root).flatMap(nodesOf)]
}

/**
 * Guards the comparisons among checked nodes. Each node carries the function that compares its
 * operands once they are evaluated; it is called first, and what it answers is then looked at.
 * Throws when a checked node carries none: the evaluator is then not the one this was written for.
 */
export function guardComparisons(nodes: readonly ASTNode[]): void {
  for (const node of nodes) {
    if (node.op === '==' || node.op === '!=') guardEquality(node, node.op === '==')
    else if (node.op === 'in') guardMembership(node)
    else if (node.op === 'rcall') guardText(node)
  }
}

/**
 * What is wrong with the numbers of checked nodes: an integer that CEL does not have, and what
 * could be NaN, which no comparison finds.
 */
export function unsafeNumbers(nodes: readonly ASTNode[]): UnsafeNumber[] {
  return nodes.flatMap((node) => {
    if (node.op === 'value' && typeof node.args === 'bigint' && node.args > INTEGER_MAX) {
      return [{ found: String(node.args), expected: `an integer up to ${INTEGER_MAX}` }]
    }
    if (node.op === 'call' && CONVERSIONS.has(node.args[0])) {
      const [operand] = node.args[1]
      if (operand === undefined || operand.op === 'value') return []
      const type = typeOf(operand)
      if (type !== 'string' && !type.startsWith('dyn')) return []
      const expected =
        'a number of the tool schema, because a text such as "NaN", "0x10" or "" is read as one'
      return [{ found: `${node.args[0]}()`, expected }]
    }
    if (node.op !== '/' || typeOf(node) === 'int') return []
    const divisor = node.args[1]
    if (divisor.op === 'value' && Number(divisor.args) !== 0) return []
    const expected = 'a multiplication on the other side, because 0.0 / 0.0 is no number'
    return [{ found: '/', expected }]
  })
}

type Handle = (...operands: unknown[]) => unknown

function replaceHandle(node: ASTNode, wrap: (handle: Handle) => Handle): void {
  const handle: unknown = Reflect.get(node, 'handle')
  if (!isHandle(handle)) throw new TypeError(`the evaluator compares ${node.op} in another way`)
  Reflect.set(node, 'handle', wrap(handle))
}

function isHandle(value: unknown): value is Handle {
  return typeof value === 'function'
}

function typeOf(node: ASTNode): string {
  return String(Reflect.get(node, 'checkedType'))
}

function isNull(node: ASTNode): boolean {
  return node.op === 'value' && node.args === null
}

function guardEquality(node: ASTNode & { op: '==' | '!=' }, isEqual: boolean): void {
  const asksForNull = node.args.some(isNull)
  replaceHandle(node, (handle) => (left, right, ...rest) => {
    const answer = handle(left, right, ...rest)
    if (answer !== isEqual && !asksForNull) checkDifferent(left, right)
    return answer
  })
}

function guardMembership(node: ASTNode & { op: 'in' }): void {
  replaceHandle(node, (handle) => (left, right, ...rest) => {
    const answer = handle(left, right, ...rest)
    if (answer === false) checkAbsent(left, right)
    return answer
  })
}

function checkAbsent(wanted: unknown, members: unknown): void {
  const values = membersOf(members)
  for (const value of values) {
    if (kindOf(value) === kindOf(wanted)) checkDifferent(wanted, value)
  }
  const [first] = values
  if (first !== undefined && values.every((value) => kindOf(value) !== kindOf(wanted))) {
    checkDifferent(wanted, first)
  }
}

function membersOf(members: unknown): readonly unknown[] {
  if (Array.isArray(members)) return members
  if (members instanceof Map) return [...members.keys()]
  if (members instanceof Set) return [...members]
  return typeof members === 'object' && members !== null ? Object.keys(members) : []
}

/** The values were found to differ: they must differ as values of one kind, and for the eye, too. */
function checkDifferent(left: unknown, right: unknown): void {
  if (typeof left === 'string' && typeof right === 'string') {
    if (onlyLooks('equals', left, right)) throw lookAlike()
    return
  }
  const [one, other] = [kindOf(left), kindOf(right)]
  if (one !== other) throw new TypeError(`a ${one} is compared with a ${other}`)
}

/** Values are left out of the message: it is stored in the clear, arguments are not. */
function lookAlike(): RangeError {
  return new RangeError('a text looks like the one that it is compared with, and is another')
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value) || value instanceof Set) return 'list'
  if (typeof value === 'bigint') return 'number'
  if (typeof value !== 'object') return typeof value
  return value instanceof Date ? 'timestamp' : 'map'
}

function guardText(node: ASTNode & { op: 'rcall' }): void {
  const [name] = node.args
  if (!isTextTest(name)) return
  replaceHandle(node, (handle) => (operands, ...rest) => {
    const answer = handle(operands, ...rest)
    const [text, wanted]: unknown[] = Array.isArray(operands) ? operands : []
    if (answer === false && typeof text === 'string' && typeof wanted === 'string') {
      if (onlyLooks(name, text, wanted)) throw lookAlike()
    }
    return answer
  })
}

function isTextTest(name: string): name is TextTest {
  return TEXT_TESTS.has(name)
}
