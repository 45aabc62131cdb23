// Post-conditions of a contract: CEL over the call's arguments, its amount and its result.
import { type ASTNode, Environment } from '@marcbachmann/cel-js'
import { declareArguments } from '../decision/argument-types.ts'
import type { Amount } from '../decision/call.ts'
import { celFault } from '../decision/cel-fault.ts'
import type { Program } from '../decision/program.ts'
import { childrenOf, findReferences } from '../decision/rule-references.ts'
import type { RuleTarget } from '../decision/rule-environment.ts'
import type { JsonSchemaObject } from '../pact/compiled.ts'
import { parseAmount } from './amount.ts'
import type { Check, PostCondition, PostConditions } from './check.ts'

type Arguments = Readonly<Record<string, unknown>>

class MovedView {
  readonly amount: bigint | undefined
  readonly currency: string | undefined

  constructor(amount: Amount | undefined) {
    this.amount = amount?.minorUnits
    this.currency = amount?.currency
  }
}

const limits = { maxAstNodes: 500, maxDepth: 40, maxListElements: 100, maxMapEntries: 100 }

/** `minorUnits(54.04, "USD")` is 5404; what is no exact amount is an error, and the check fails. */
function minorUnits(value: unknown, currency: unknown): bigint {
  // cel-js gives whole JSON numbers of a result as they are, and literals as bigint.
  const read = typeof value === 'bigint' ? value.toString() : value
  const parsed = parseAmount(read, String(currency))
  if (parsed.kind === 'invalid') throw new RangeError(parsed.message)
  return parsed.amount.minorUnits
}

const none: PostConditions = { conditions: [], readArgs: () => ({}) }

export type PostConditionProblem = {
  readonly at: number
  readonly found: string
  readonly expected: string
}

/** Compiles all post-conditions of one tool; problems say which one they are about. */
export function compilePostConditions(
  sources: readonly {
    readonly id: string
    readonly that: string
    readonly reason?: string | undefined
  }[],
  target: {
    readonly tool: string
    readonly inputSchema: JsonSchemaObject
    readonly hasAmount: boolean
  },
): { readonly compiled: PostConditions; readonly problems: readonly PostConditionProblem[] } {
  if (sources.length === 0) return { compiled: none, problems: [] }
  const environment = new Environment({ limits })
  const fields = target.hasAmount ? { amount: 'int', currency: 'string' } : {}
  environment
    .registerType('Moved', { ctor: MovedView, fields })
    .registerVariable('call', 'Moved')
    .registerVariable('result', 'dyn')
    .registerFunction('minorUnits(dyn, string): int', minorUnits)
  const read = declareArguments(environment, target.inputSchema)
  const used = new Set<string>()
  const problems: PostConditionProblem[] = []
  const conditions: PostCondition[] = []
  for (const [at, { id, that, reason }] of sources.entries()) {
    const ruleTarget: RuleTarget = { kind: 'tool', name: target.tool, ...target }
    const outcome = compileOne(environment, that, ruleTarget)
    if (outcome.kind === 'invalid') {
      problems.push({ at, found: outcome.found, expected: outcome.expected })
      continue
    }
    for (const name of outcome.args) used.add(name)
    conditions.push({ id, reason: reason ?? that, program: outcome.program })
  }
  const names = [...used]
  return { compiled: { conditions, readArgs: (args) => read(args, names) }, problems }
}

type Compiled =
  | { readonly kind: 'ok'; readonly program: Program; readonly args: ReadonlySet<string> }
  | { readonly kind: 'invalid'; readonly found: string; readonly expected: string }

function compileOne(environment: Environment, source: string, target: RuleTarget): Compiled {
  try {
    const program = environment.parse(source)
    const outside = outsideNames(program.ast)
    if (outside !== undefined) {
      return { kind: 'invalid', found: outside, expected: 'a condition over args, result and call' }
    }
    const references = findReferences(program.ast, { target, tools: [] })
    const [problem] = references.problems
    if (problem !== undefined) return { kind: 'invalid', ...problem }
    const checked = program.check()
    if (!checked.valid) {
      const { summary } = celFault(checked.error)
      return { kind: 'invalid', found: source, expected: `valid CEL: ${summary}` }
    }
    if (checked.type !== 'bool' && checked.type !== 'dyn') {
      const expected = `a condition: this is of type ${checked.type ?? 'unknown'}, not bool`
      return { kind: 'invalid', found: source, expected }
    }
    return { kind: 'ok', program, args: references.args }
  } catch (error) {
    const expected = `valid CEL: ${celFault(error).summary}`
    return { kind: 'invalid', found: source, expected }
  }
}

/** What is true of a session now says nothing of what a call did. */
function outsideNames(node: ASTNode): string | undefined {
  if (node.op === 'id' && ['session', 'agent', 'now'].includes(node.args)) return node.args
  for (const child of childrenOf(node)) {
    const found = outsideNames(child)
    if (found !== undefined) return found
  }
  return undefined
}

/** Asks every post-condition. One that cannot be evaluated does not hold. */
export function checkPostConditions(
  contract: PostConditions,
  made: { readonly args: Arguments; readonly result: unknown; readonly amount: Amount | undefined },
): Check[] {
  return contract.conditions.map(({ id, reason, program }) => {
    try {
      const { result } = made
      const args = contract.readArgs(made.args)
      const answer = program({ args, result, call: new MovedView(made.amount) })
      if (answer === true) return { id, holds: true, reason: '' }
      return { id, holds: false, reason }
    } catch {
      return { id, holds: false, reason: `it could not be evaluated: ${reason}` }
    }
  })
}
