// Can a condition ever be true? A small check, sound in one direction: it says "never" only when it
// knows. The condition becomes a list of conjunctions; in each, every variable keeps an interval or
// a set of values.
import { serialize } from '@marcbachmann/cel-js'
import type { ASTNode } from '@marcbachmann/cel-js'
import type { JsonSchemaObject } from '../pact/compiled.ts'
import { argumentSchema, childrenOf, pathOf } from './rule-references.ts'
import type { Path } from './rule-references.ts'
import { CALL_FIELDS, SESSION_FIELDS } from './program.ts'
import type { RuleTarget } from './rule-environment.ts'
import { Range } from './value-range.ts'
import type { Comparison, Primitive } from './value-range.ts'

type Literal = { readonly node: ASTNode; readonly isNegated: boolean }

export type SatisfiableContext = {
  readonly target: RuleTarget
  /** Evaluates an expression without variables; throws when it cannot. */
  readonly evaluate: (source: string) => unknown
}

const CONJUNCTIONS_MAX = 64

/** False when the condition can never be true for this tool or model. */
export function canBeTrue(root: ASTNode, context: SatisfiableContext): boolean {
  const conjunctions = disjunctiveForm({ node: root, isNegated: false })
  return (
    conjunctions === undefined || conjunctions.some((literals) => isPossible(literals, context))
  )
}

/** A list of conjunctions of which one must hold; undefined when there would be too many. */
function disjunctiveForm({ node, isNegated }: Literal): Literal[][] | undefined {
  if (node.op === '!_') return disjunctiveForm({ node: node.args, isNegated: !isNegated })
  if (node.op === '&&' || node.op === '||') {
    const [left, right] = node.args
    const forms = [
      disjunctiveForm({ node: left, isNegated }),
      disjunctiveForm({ node: right, isNegated }),
    ]
    return (node.op === '&&') === isNegated ? anyOf(forms) : allOf(forms)
  }
  if (node.op === '?:') {
    const [condition, yes, no] = node.args
    return anyOf([
      allOf([
        disjunctiveForm({ node: condition, isNegated: false }),
        disjunctiveForm({ node: yes, isNegated }),
      ]),
      allOf([
        disjunctiveForm({ node: condition, isNegated: true }),
        disjunctiveForm({ node: no, isNegated }),
      ]),
    ])
  }
  return [[{ node, isNegated }]]
}

type Form = Literal[][] | undefined

function anyOf(forms: readonly Form[]): Form {
  const all: Literal[][] = []
  for (const form of forms) {
    if (form === undefined) return undefined
    all.push(...form)
  }
  return all.length > CONJUNCTIONS_MAX ? undefined : all
}

function allOf(forms: readonly Form[]): Form {
  let all: Literal[][] = [[]]
  for (const form of forms) {
    if (form === undefined) return undefined
    all = all.flatMap((left) => form.map((right) => [...left, ...right]))
    if (all.length > CONJUNCTIONS_MAX) return undefined
  }
  return all
}

const OPPOSITE: Readonly<Record<Comparison, Comparison>> = {
  '==': '!=',
  '!=': '==',
  '<': '>=',
  '>=': '<',
  '>': '<=',
  '<=': '>',
}
const MIRRORED: Readonly<Record<Comparison, Comparison>> = {
  '==': '==',
  '!=': '!=',
  '<': '>',
  '>=': '<=',
  '>': '<',
  '<=': '>=',
}

function isComparison(op: string): op is Comparison {
  return Object.hasOwn(OPPOSITE, op)
}

function isPossible(literals: readonly Literal[], context: SatisfiableContext): boolean {
  const ranges = new Map<string, Range>()
  const rangeOf = (node: ASTNode): Range => {
    const key = keyOf(node)
    const range = ranges.get(key) ?? domainOf(node, context.target)
    ranges.set(key, range)
    return range
  }
  for (const literal of literals) {
    if (isConstant(literal.node)) {
      if (!constantIs(literal.node, !literal.isNegated, context)) return false
    } else {
      constrain(literal, { rangeOf, context })
    }
  }
  return [...ranges.values()].every((range) => !range.isEmpty())
}

function constrain(
  { node, isNegated }: Literal,
  tools: { rangeOf: (node: ASTNode) => Range; context: SatisfiableContext },
): void {
  if (isComparison(node.op)) {
    const [left, right] = childrenOf(node)
    if (left === undefined || right === undefined) return
    const op = isNegated ? OPPOSITE[node.op] : node.op
    const rightValue = constantValue(right, tools.context)
    const leftValue = constantValue(left, tools.context)
    if (rightValue !== undefined) return tools.rangeOf(left).compare(op, rightValue)
    if (leftValue !== undefined) return tools.rangeOf(right).compare(MIRRORED[op], leftValue)
  }
  if (node.op === 'in' && node.args[1].op === 'list') {
    const values = node.args[1].args.map((item) => constantValue(item, tools.context))
    const known = values.filter((value) => value !== undefined)
    const range = tools.rangeOf(node.args[0])
    if (!isNegated && known.length === values.length) range.allow(known)
    if (isNegated) for (const value of known) range.compare('!=', value)
    return
  }
  // Anything else is a condition of its own: it may be true or false, but not both.
  tools.rangeOf(node).compare('==', !isNegated)
}

/** The same expression, the same key: `args["a"]` and `args.a` are one variable. */
function keyOf(node: ASTNode): string {
  const path = pathOf(node)
  return path === undefined
    ? serialize(node)
    : JSON.stringify([path.root, ...path.steps.map(String)])
}

function isConstant(node: ASTNode): boolean {
  return node.op !== 'id' && childrenOf(node).every(isConstant)
}

function constantIs(node: ASTNode, wanted: boolean, context: SatisfiableContext): boolean {
  try {
    return context.evaluate(serialize(node)) === wanted
  } catch {
    // It fails each time, so it is never true.
    return false
  }
}

function constantValue(node: ASTNode, context: SatisfiableContext): Primitive | undefined {
  if (!isConstant(node)) return undefined
  try {
    const value = node.op === 'value' ? node.args : context.evaluate(serialize(node))
    return isPrimitive(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isPrimitive(value: unknown): value is Primitive {
  return ['string', 'number', 'bigint', 'boolean'].includes(typeof value)
}

const EFFECTS = ['read', 'reversible', 'compensable', 'irreversible']

/** What is known of a variable before any condition. */
function domainOf(node: ASTNode, target: RuleTarget): Range {
  const path = pathOf(node)
  if (path !== undefined) return pathDomain(path, target)
  if (isNeverNegative(node)) return new Range({ isInteger: true, min: 0n })
  return new Range({})
}

function pathDomain({ root, steps }: Path, target: RuleTarget): Range {
  const [first] = steps
  if (typeof first !== 'string') return new Range({})
  if (root === 'call') return callDomain(first, target)
  if (root === 'agent' && first === 'stakes')
    return new Range({ values: ['low', 'medium', 'high'] })
  if (root === 'session' && first === 'flow') return new Range({ values: ['read', 'write'] })
  if (root === 'session')
    return isCount(first) ? new Range({ isInteger: true, min: 0n }) : new Range({})
  if (root !== 'args' || target.kind !== 'tool') return new Range({})
  const schema = argumentSchema(target.inputSchema, steps)
  return schema === undefined ? new Range({}) : schemaDomain(schema)
}

function isCount(field: string): boolean {
  const types: Readonly<Record<string, string>> = SESSION_FIELDS
  const type = Object.hasOwn(types, field) ? types[field] : undefined
  return type === 'int' || type === 'map<string, int>'
}

/**
 * The effect class stays open: a guard against irreversible effects may be written before the first
 * one.
 */
function callDomain(field: string, target: RuleTarget): Range {
  const isTool = target.kind === 'tool'
  const [server = '', tool = ''] = isTool ? target.name.split('/') : []
  const values: Readonly<Record<string, readonly Primitive[]>> = {
    kind: [target.kind],
    server: [server],
    tool: [tool],
    model: [isTool ? '' : target.name],
    effect: isTool ? EFFECTS : [''],
    write: isTool ? [true, false] : [false],
    stream: isTool ? [false] : [true, false],
  } satisfies Record<keyof typeof CALL_FIELDS, readonly Primitive[]>
  const known = Object.hasOwn(values, field) ? values[field] : undefined
  if (known !== undefined) return new Range({ values: known })
  return field === 'amount' ? new Range({ isInteger: true, min: 0n }) : new Range({})
}

function schemaDomain(schema: JsonSchemaObject): Range {
  const values = Object.hasOwn(schema, 'const') ? [schema['const']] : schema['enum']
  if (Array.isArray(values) && values.every(isPrimitive)) return new Range({ values })
  const isInteger = schema['type'] === 'integer'
  const { minimum, maximum } = schema
  return new Range({
    isInteger,
    ...(typeof minimum === 'number' ? { min: minimum } : {}),
    ...(typeof maximum === 'number' ? { max: maximum } : {}),
  })
}

/** Sizes and sums of counts; enough for `session.done["a"] + session.done["b"] < 0`. */
function isNeverNegative(node: ASTNode): boolean {
  if (node.op === 'value') return typeof node.args === 'bigint' && node.args >= 0n
  if (node.op === '+' || node.op === '*') return node.args.every(isNeverNegative)
  if (node.op === 'call') return node.args[0] === 'size'
  if (node.op === 'rcall') return node.args[0] === 'size'
  const path = pathOf(node)
  const [first] = path?.steps ?? []
  if (typeof first !== 'string') return false
  if (path?.root === 'call') return first === 'amount'
  return path?.root === 'session' && isCount(first)
}
