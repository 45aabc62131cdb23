// Walks a condition before it is type-checked: which arguments and counts it reads, names that do
// not exist (the checker of cel-js lets them pass inside has() and as map keys), and functions that
// are not safe.
import type { ASTNode } from '@marcbachmann/cel-js'
import type { JsonSchemaObject } from '../pact/compiled.ts'
import { hint } from '../pact/suggest.ts'
import { isSchema, schemaProperties } from './argument-types.ts'
import { AGENT_FIELDS, AMOUNT_FIELDS, CALL_FIELDS, SESSION_FIELDS } from './program.ts'
import type { CountKind } from './program.ts'
import type { RuleTarget } from './rule-environment.ts'

export type References = {
  /** What is wrong, each with what was expected. */
  readonly problems: { readonly found: string; readonly expected: string }[]
  /** Top-level argument names that are read. */
  readonly args: Set<string>
  readonly counts: Readonly<Record<CountKind, Set<string>>>
  /** Top-level argument names whose origins are read. */
  readonly origins: Set<string>
  /** Everything that is read, as written: `args.items`, `session.done["retail/pay"]`, `now`. */
  readonly reads: Set<string>
}

export type ReferenceScope = {
  /** Undefined for a condition over a result: no roots, only the safety of functions. */
  readonly target: RuleTarget | undefined
  /** Every tool with a contract, `server/tool`. */
  readonly tools: readonly string[]
  /** The data scopes that the manifest declares. */
  readonly scopes?: readonly string[]
}

type Walk = {
  readonly scope: ReferenceScope
  readonly references: References
  readonly locals: ReadonlySet<string>
  readonly loops: number
}

const LOOPS_MAX = 2
const MACROS = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])
const ROOTS = new Set(['args', 'call', 'session', 'agent', 'origin'])
const READABLE = new Set([...ROOTS, 'now'])
const COUNT_KINDS: readonly CountKind[] = ['made', 'done', 'failed', 'unknown']

const FORBIDDEN: Readonly<Record<string, string>> = {
  // JavaScript's regular expressions backtrack: one argument could stop the gateway.
  matches: 'startsWith, endsWith, contains or ==, because regular expressions can take for ever',
  // It would silence the type checker.
  dyn: 'a typed value instead of dyn()',
  // They make long lists out of a string, and loops over those cannot be bounded.
  split: 'startsWith, endsWith or contains instead of split()',
  bytes: 'a string instead of bytes()',
  // cel-js computes it in the host's time zone.
  getDayOfYear: 'another timestamp method than getDayOfYear',
}

/** Collects what a condition refers to, and everything wrong with it. */
export function findReferences(root: ASTNode, scope: ReferenceScope): References {
  const counts = {
    made: new Set<string>(),
    done: new Set<string>(),
    failed: new Set<string>(),
    unknown: new Set<string>(),
  }
  const references: References = {
    problems: [],
    args: new Set(),
    counts,
    origins: new Set(),
    reads: new Set(),
  }
  visit(root, { scope, references, locals: new Set(), loops: 0 })
  return references
}

export type Path = { readonly root: string; readonly steps: readonly (string | bigint)[] }

/**
 * `args.items[0].price` as root and steps; undefined for anything but a chain of constant steps.
 */
export function pathOf(node: ASTNode): Path | undefined {
  if (node.op === 'id') return { root: node.args, steps: [] }
  if (node.op === '.') {
    const parent = pathOf(node.args[0])
    return parent && { root: parent.root, steps: [...parent.steps, node.args[1]] }
  }
  if (node.op !== '[]') return undefined
  const [left, index] = node.args
  const step = index.op === 'value' ? index.args : undefined
  if (typeof step !== 'string' && typeof step !== 'bigint') return undefined
  const parent = pathOf(left)
  return parent && { root: parent.root, steps: [...parent.steps, step] }
}

/** The path as a condition says it; `parseRead` takes it apart again. */
function formatRead({ root, steps }: Path): string {
  return steps.reduce<string>((text, step) => {
    if (typeof step === 'bigint') return `${text}[${step}]`
    return /^[A-Za-z_]\w*$/.test(step) ? `${text}.${step}` : `${text}[${JSON.stringify(step)}]`
  }, root)
}

/** The direct operands of a node. */
export function childrenOf(node: ASTNode): readonly ASTNode[] {
  if (node.op === 'value' || node.op === 'id') return []
  if (node.op === '.' || node.op === '.?') return [node.args[0]]
  if (node.op === 'call') return node.args[1]
  if (node.op === 'rcall') return [node.args[1], ...node.args[2]]
  if (node.op === 'map') return node.args.flat()
  if (node.op === '!_' || node.op === '-_') return [node.args]
  return node.args
}

function visit(node: ASTNode, walk: Walk): void {
  const path = pathOf(node)
  if (path !== undefined) {
    if (walk.locals.has(path.root)) return
    if (READABLE.has(path.root)) walk.references.reads.add(formatRead(path))
    checkPath(path, walk)
    return
  }
  if (node.op === '[]') {
    visitIndex(node.args, walk)
    return
  }
  if (node.op === 'rcall') {
    visitMethod(node.args, walk)
    return
  }
  if (node.op === 'call') checkFunction(node.args[0], walk)
  for (const child of childrenOf(node)) visit(child, walk)
}

/** An index that is not constant: `session.done[x]` may read any tool, `args[x]` is refused. */
function visitIndex([left, index]: readonly [ASTNode, ASTNode], walk: Walk): void {
  visit(left, walk)
  visit(index, walk)
}

function visitMethod(
  [name, receiver, args]: readonly [string, ASTNode, readonly ASTNode[]],
  walk: Walk,
): void {
  checkFunction(name, walk)
  visit(receiver, walk)
  const [variable] = args
  const isBind = name === 'bind' && receiver.op === 'id' && receiver.args === 'cel'
  if (variable?.op !== 'id' || !(isBind || (MACROS.has(name) && args.length > 1))) {
    for (const arg of args) visit(arg, walk)
    return
  }
  if (ROOTS.has(variable.args) || variable.args === 'now') {
    report(walk, variable.args, 'a variable name that hides nothing')
  }
  const loops = walk.loops + (isBind ? 0 : 1)
  if (loops > LOOPS_MAX) report(walk, name, `at most ${LOOPS_MAX} loops inside one another`)
  const inner = { ...walk, loops, locals: new Set([...walk.locals, variable.args]) }
  for (const arg of args.slice(1)) visit(arg, inner)
}

function checkFunction(name: string, walk: Walk): void {
  const expected = Object.hasOwn(FORBIDDEN, name) ? FORBIDDEN[name] : undefined
  if (expected !== undefined) report(walk, `${name}()`, expected)
}

function report(walk: Walk, found: string, expected: string): void {
  walk.references.problems.push({ found, expected })
}

function checkPath(path: Path, walk: Walk): void {
  const { target } = walk.scope
  if (target === undefined || !ROOTS.has(path.root)) return
  const [first, ...rest] = path.steps
  if (typeof first !== 'string') {
    report(walk, path.root, `${path.root} followed by the name of a field`)
    return
  }
  if (path.root === 'args') checkArgument([first, ...rest], walk, target)
  else if (path.root === 'origin') checkOrigin(first, walk, target)
  else if (path.root === 'session') checkSession(first, rest, walk)
  else checkField(path.root, first, { known: fieldsOf(path.root, target), walk, target })
}

function fieldsOf(root: string, target: RuleTarget): readonly string[] {
  if (root === 'agent') return Object.keys(AGENT_FIELDS)
  const hasAmount = target.kind === 'tool' && target.hasAmount
  return Object.keys(hasAmount ? { ...CALL_FIELDS, ...AMOUNT_FIELDS } : CALL_FIELDS)
}

function checkField(
  root: string,
  name: string,
  context: { readonly known: readonly string[]; readonly walk: Walk; readonly target: RuleTarget },
): void {
  const { known, walk, target } = context
  if (known.includes(name)) return
  const isAmount = root === 'call' && Object.hasOwn(AMOUNT_FIELDS, name)
  const why = isAmount ? ` (the contract of ${target.name} declares no amount)` : hint(name, known)
  report(
    walk,
    `${root}.${name}`,
    `one of ${known.map((field) => `${root}.${field}`).join(', ')}${why}`,
  )
}

function checkSession(name: string, rest: readonly (string | bigint)[], walk: Walk): void {
  const known = Object.keys(SESSION_FIELDS)
  if (name === 'scope') {
    checkScope(rest, walk)
    return
  }
  const kind = COUNT_KINDS.find((count) => count === name)
  if (kind === undefined) {
    if (!known.includes(name)) {
      const expected = `one of ${known.map((field) => `session.${field}`).join(', ')}`
      report(walk, `session.${name}`, `${expected}${hint(name, known)}`)
    }
    return
  }
  const { tools } = walk.scope
  const [tool] = rest
  const counts = walk.references.counts[kind]
  if (tool === undefined) {
    for (const each of tools) counts.add(each)
  } else if (typeof tool === 'string' && tools.includes(tool)) {
    counts.add(tool)
  } else {
    const expected = 'a tool that has a contract, as server/tool'
    report(walk, `session.${kind}["${tool}"]`, `${expected}${hint(String(tool), tools)}`)
  }
}

/** The checker of cel-js lets an undeclared name pass inside has(). */
function checkScope([name]: readonly (string | bigint)[], walk: Walk): void {
  const known = walk.scope.scopes ?? []
  if (name === undefined) {
    report(walk, 'session.scope', 'session.scope followed by the name of a data scope')
  } else if (typeof name !== 'string' || !known.includes(name)) {
    const declared = known.length === 0 ? 'none is declared in scopes' : known.join(', ')
    const expected = `a data scope that the manifest declares: ${declared}`
    report(walk, `session.scope["${name}"]`, `${expected}${hint(String(name), known)}`)
  }
}

/** Origins are kept by top-level argument: what came from where inside of one is not told apart. */
function checkOrigin(name: string, walk: Walk, target: RuleTarget): void {
  if (target.kind === 'model') {
    report(walk, 'origin', `no origin, because the rule selects the model ${target.name}`)
    return
  }
  walk.references.origins.add(name)
  const known = [...(schemaProperties(target.inputSchema)?.keys() ?? [])]
  if (known.includes(name)) return
  const list = known.length === 0 ? 'none' : known.join(', ')
  const expected = `an argument of ${target.name}: ${list}${hint(name, known)}`
  report(walk, `origin.${name}`, expected)
}

function checkArgument(steps: readonly (string | bigint)[], walk: Walk, target: RuleTarget): void {
  if (target.kind === 'model') {
    report(walk, 'args', `no args, because the rule selects the model ${target.name}`)
    return
  }
  const [top] = steps
  if (typeof top === 'string') walk.references.args.add(top)
  const fault = unknownArgument(target.inputSchema, steps)
  if (fault === undefined) return
  const list = fault.known.length === 0 ? 'none' : fault.known.join(', ')
  const expected = `an argument of ${target.name}: ${list}${hint(fault.name, fault.known)}`
  report(walk, `args.${fault.path}`, expected)
}

export type UnknownArgument = {
  readonly path: string
  readonly name: string
  readonly known: readonly string[]
}

/** Follows a path through a JSON Schema; answers where it leaves what the schema declares. */
export function unknownArgument(
  inputSchema: JsonSchemaObject,
  steps: readonly (string | bigint)[],
): UnknownArgument | undefined {
  let schema = inputSchema
  for (const [index, step] of steps.entries()) {
    const child = schemaAt(schema, step, { isRoot: index === 0 })
    if (child === 'anything') return undefined
    if (child === undefined) {
      const known = [...(schemaProperties(schema)?.keys() ?? [])]
      return { path: steps.slice(0, index + 1).join('.'), name: String(step), known }
    }
    schema = child
  }
  return undefined
}

function schemaAt(
  schema: JsonSchemaObject,
  step: string | bigint,
  { isRoot }: { readonly isRoot: boolean },
): JsonSchemaObject | 'anything' | undefined {
  if (typeof step === 'bigint') {
    const items = schema['items']
    return isSchema(items) ? items : 'anything'
  }
  const properties = schemaProperties(schema)
  if (properties !== undefined && (isRoot || properties.size > 0)) return properties.get(step)
  if (isRoot) return undefined
  const values = schema['additionalProperties']
  return isSchema(values) ? values : 'anything'
}

/** The schema that a path of arguments leads to, when it is declared. */
export function argumentSchema(
  inputSchema: JsonSchemaObject,
  steps: readonly (string | bigint)[],
): JsonSchemaObject | undefined {
  let schema: JsonSchemaObject = inputSchema
  for (const [index, step] of steps.entries()) {
    const child = schemaAt(schema, step, { isRoot: index === 0 })
    if (child === undefined || child === 'anything') return undefined
    schema = child
  }
  return schema
}
