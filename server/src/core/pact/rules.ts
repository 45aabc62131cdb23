// Permissions: which tools and models each rule is about, and its condition compiled for each of
// them.
import { compileCondition } from '../decision/compile-condition.ts'
import type { ConditionProblem } from '../decision/compile-condition.ts'
import { originReader } from '../decision/origin-view.ts'
import type { CountKind, CountNeeds } from '../decision/program.ts'
import type { References } from '../decision/rule-references.ts'
import { targetEnvironment } from '../decision/rule-environment.ts'
import type { RuleTarget, TargetEnvironment } from '../decision/rule-environment.ts'
import type { BoundRule, BoundRules, CompiledRule, Scopes } from './compiled.ts'
import type { Manifest } from './manifest-schema.ts'
import { formatPath, problemAt } from './problem.ts'
import type { PactProblem, PathStep } from './problem.ts'
import { compileGlob } from './selector.ts'
import { suggest } from './suggest.ts'

type Rule = Manifest['pact']['permissions'][number]

export type CompiledRules = {
  readonly rules: readonly CompiledRule[]
  /** Keyed as the selectors name things: tools by `server/tool`, models by name. */
  readonly tools: ReadonlyMap<string, BoundRules>
  readonly models: ReadonlyMap<string, BoundRules>
}

export type RuleInput = {
  readonly permissions: readonly Rule[]
  readonly tools: readonly RuleTarget[]
  readonly models: readonly RuleTarget[]
  /** Tools that the servers list and that no contract names: a selector cannot mean them. */
  readonly uncontracted: readonly string[]
  readonly scopes?: Scopes
  /** Tools whose counts a condition may read, where those are more than `tools`. */
  readonly counted?: readonly string[]
  /** Where each rule stands in the manifest; under `pact.permissions` when it is not given. */
  readonly pathOf?: (index: number) => readonly PathStep[]
}

type Binding = {
  readonly environment: TargetEnvironment
  readonly rules: BoundRule[]
  readonly args: Set<string>
  readonly counts: Readonly<Record<CountKind, Set<string>>>
  readonly origins: Set<string>
}

/** Compiles all permissions. With problems, the rules must not be used. */
export function compileRules(input: RuleInput): {
  readonly rules: CompiledRules
  readonly problems: readonly PactProblem[]
} {
  const problems: PactProblem[] = []
  const bindings = {
    tools: new Map(input.tools.map((target) => [target.name, newBinding(target, input.scopes)])),
    models: new Map(input.models.map((target) => [target.name, newBinding(target, input.scopes)])),
  }
  const rules = input.permissions.map((rule, index) => {
    const path = input.pathOf?.(index) ?? ['pact', 'permissions', index]
    const tools = select(rule.tools ?? [], bindings.tools, {
      path: [...path, 'tools'],
      input,
      problems,
    })
    const models = select(rule.models ?? [], bindings.models, {
      path: [...path, 'models'],
      input,
      problems,
    })
    const reason = rule.reason ?? `the rule ${rule.id} says ${rule.effect}`
    bindRule({ ...rule, reason }, [...tools, ...models], { path, problems, input })
    return {
      id: rule.id,
      effect: rule.effect,
      reason,
      when: rule.when,
      tools: tools.map((binding) => binding.environment.target.name),
      models: models.map((binding) => binding.environment.target.name),
    }
  })
  const compiled = { rules, tools: sealAll(bindings.tools), models: sealAll(bindings.models) }
  return { rules: compiled, problems }
}

function newBinding(target: RuleTarget, scopes: Scopes | undefined): Binding {
  const counts = {
    made: new Set<string>(),
    done: new Set<string>(),
    failed: new Set<string>(),
    unknown: new Set<string>(),
  }
  return {
    environment: targetEnvironment(target, scopes),
    rules: [],
    args: new Set(),
    counts,
    origins: new Set(),
  }
}

type Place = {
  readonly path: readonly PathStep[]
  readonly input: RuleInput
  readonly problems: PactProblem[]
}

function select(
  patterns: readonly string[],
  bindings: ReadonlyMap<string, Binding>,
  place: Place,
): Binding[] {
  const chosen = new Set<Binding>()
  for (const [index, pattern] of patterns.entries()) {
    const matches = compileGlob(pattern)
    const found = [...bindings].filter(([name]) => matches(name)).map(([, binding]) => binding)
    for (const binding of found) chosen.add(binding)
    if (found.length === 0)
      reportNoMatch(pattern, [...bindings.keys()], { ...place, path: [...place.path, index] })
  }
  return [...chosen]
}

function reportNoMatch(pattern: string, known: readonly string[], place: Place): void {
  const isTools = place.path.includes('tools')
  const expected = isTools
    ? 'a pattern that matches a tool with a contract, as server/tool'
    : 'a pattern that matches a model of this manifest'
  const bare = place.input.uncontracted.filter(compileGlob(pattern))
  const near = suggest(pattern, known)
  let why = near === undefined ? '' : ` (did you mean "${near}"?)`
  if (isTools && bare.length > 0) why = ` (${bare.slice(0, 3).join(', ')}: there is no contract)`
  place.problems.push(problemAt(place.path, { value: pattern, expected, hint: why }))
}

/**
 * Compiles the condition for each target; one program serves all that do not read arguments or the
 * call.
 */
function bindRule(
  rule: Rule & { readonly reason: string },
  targets: readonly Binding[],
  place: Place,
): void {
  const { id, effect, reason, when } = rule
  if (when === undefined) {
    for (const target of targets) target.rules.push({ id, effect, reason, program: undefined })
    return
  }
  const tools = place.input.counted ?? place.input.tools.map((target) => target.name)
  const scopes = Object.keys(place.input.scopes ?? {})
  const path = [...place.path, 'when']
  const faults: Faults = new Map()
  let isPossible = targets.length === 0
  for (const target of targets) {
    const outcome = compileCondition(when, { environment: target.environment, tools, scopes })
    if (outcome.kind === 'invalid') {
      addFaults(faults, outcome.problems, target.environment.target.name)
      isPossible = true
      continue
    }
    isPossible ||= outcome.canBeTrue
    const origins = [...outcome.references.origins]
    const asks = origins.length === 0 ? {} : { origins }
    const reads = [...outcome.references.reads]
    target.rules.push({ id, effect, reason, program: outcome.program, reads, ...asks })
    addReferences(target, outcome.references)
  }
  place.problems.push(...conditionProblems(faults, path, targets.length))
  if (isPossible) return
  const expected = 'a condition that can be true for what the rule selects'
  place.problems.push(problemAt(path, { value: when, expected }))
}

const COUNT_KINDS: readonly CountKind[] = ['made', 'done', 'failed', 'unknown']

function addReferences(target: Binding, references: References): void {
  for (const name of references.args) target.args.add(name)
  for (const name of references.origins) target.origins.add(name)
  for (const kind of COUNT_KINDS) {
    for (const tool of references.counts[kind]) target.counts[kind].add(tool)
  }
}

/** Each mistake in a condition with the tools and models for which it is one. */
type Faults = Map<string, { readonly problem: ConditionProblem; readonly targets: string[] }>

function addFaults(faults: Faults, problems: readonly ConditionProblem[], target: string): void {
  for (const problem of problems) {
    const key = JSON.stringify([problem.found, problem.expected])
    const fault = faults.get(key) ?? { problem, targets: [] }
    if (!fault.targets.includes(target)) fault.targets.push(target)
    faults.set(key, fault)
  }
}

const TARGETS_SHOWN_MAX = 3

/** A mistake is told once; for which tools, when it is not one for all that the rule selects. */
function conditionProblems(
  faults: Faults,
  path: readonly PathStep[],
  selected: number,
): PactProblem[] {
  return [...faults.values()].map(({ problem: { found, expected }, targets }) => {
    const isNamed = targets.every((target) => expected.includes(target))
    const shown = targets.slice(0, TARGETS_SHOWN_MAX).join(', ')
    const more =
      targets.length > TARGETS_SHOWN_MAX ? ` and ${targets.length - TARGETS_SHOWN_MAX} more` : ''
    const suffix = targets.length === selected || isNamed ? '' : ` (for ${shown}${more})`
    const message = `got \`${found}\`, expected ${expected}${suffix}`
    return { path: formatPath(path), value: found, expected, message }
  })
}

function sealAll(bindings: ReadonlyMap<string, Binding>): ReadonlyMap<string, BoundRules> {
  return new Map([...bindings].map(([name, binding]) => [name, seal(binding)]))
}

function seal({ environment, rules, args, counts, origins }: Binding): BoundRules {
  const names = [...args]
  const needs: CountNeeds = {
    made: [...counts.made],
    done: [...counts.done],
    failed: [...counts.failed],
    unknown: [...counts.unknown],
  }
  const readArgs: BoundRules['readArgs'] = (values) => environment.readArgs(values, names)
  const asks = origins.size === 0 ? {} : { readOrigins: originReader([...origins]) }
  const reads = [...new Set(rules.flatMap((rule) => rule.reads ?? []))]
  return { rules, counts: needs, readArgs, reads, ...asks }
}

/** Some allow or hold rule is about it, and no deny rule without a condition is. */
export function isListable(bound: BoundRules): boolean {
  const isDenied = bound.rules.some((rule) => rule.effect === 'deny' && rule.program === undefined)
  return !isDenied && bound.rules.some((rule) => rule.effect !== 'deny')
}
