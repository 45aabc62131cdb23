// One condition for one tool or model: references, types, and whether it can ever be true.
import { celFault } from './cel-fault.ts'
import { guardComparisons, nodesOf, unsafeNumbers } from './guard-comparisons.ts'
import type { Program } from './program.ts'
import { findReferences } from './rule-references.ts'
import type { References } from './rule-references.ts'
import type { TargetEnvironment } from './rule-environment.ts'
import { canBeTrue } from './satisfiable.ts'

export type ConditionProblem = { readonly found: string; readonly expected: string }

export type ConditionOutcome =
  | {
      readonly kind: 'ok'
      readonly program: Program
      readonly references: References
      readonly canBeTrue: boolean
    }
  | { readonly kind: 'invalid'; readonly problems: readonly ConditionProblem[] }

/**
 * Compiles a rule's condition once for a target. Everything wrong with it is answered, not thrown.
 */
export function compileCondition(
  source: string,
  context: {
    readonly environment: TargetEnvironment
    readonly tools: readonly string[]
    readonly scopes?: readonly string[]
  },
): ConditionOutcome {
  const { environment, target } = context.environment
  try {
    const program = environment.parse(source)
    const references = findReferences(program.ast, {
      target,
      tools: context.tools,
      scopes: context.scopes ?? [],
    })
    if (references.problems.length > 0) return { kind: 'invalid', problems: references.problems }
    // Before the check, because the checker rewrites macros in the tree.
    const possible = canBeTrue(program.ast, {
      target,
      evaluate: (expression) => environment.evaluate(expression),
    })
    const nodes = nodesOf(program.ast)
    const checked = program.check()
    if (!checked.valid) return invalid(checked.error, source)
    const unsafe = unsafeNumbers(nodes)
    if (unsafe.length > 0) return { kind: 'invalid', problems: unsafe }
    if (checked.type !== 'bool') {
      return invalidWith(
        source,
        `a condition: this is of type ${checked.type ?? 'unknown'}, not bool`,
      )
    }
    guardComparisons(nodes)
    return { kind: 'ok', program, references, canBeTrue: possible }
  } catch (error) {
    return invalid(error, source)
  }
}

function invalidWith(found: string, expected: string): ConditionOutcome {
  return { kind: 'invalid', problems: [{ found, expected }] }
}

function invalid(error: unknown, source: string): ConditionOutcome {
  const { summary, range } = celFault(error)
  const found =
    range === undefined ? source : source.slice(range.start, Math.max(range.end, range.start + 1))
  const isNumbers = summary.includes('double') && summary.includes('int')
  const advice = isNumbers ? ' (write 150.0 where the other side is a double)' : ''
  return invalidWith(found === '' ? source : found, `valid CEL: ${summary}${advice}`)
}
