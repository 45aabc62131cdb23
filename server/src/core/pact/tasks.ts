// Tasks, the write flow and the limits of loops: from the manifest to what `decide` asks.
import type { RuleTarget } from '../decision/rule-environment.ts'
import type { Program } from '../decision/program.ts'
import type {
  BoundRules,
  CompiledLoops,
  CompiledPact,
  CompiledTask,
  CompiledWriteFlow,
} from './compiled.ts'
import type { Manifest } from './manifest-schema.ts'
import { compileLimit } from './prices.ts'
import { problemAt } from './problem.ts'
import type { PactProblem, PathStep } from './problem.ts'
import { compileRules } from './rules.ts'
import { compileGlob } from './selector.ts'
import { hint } from './suggest.ts'
import { loopDefaults } from './tasks-schema.ts'

type ToolTarget = RuleTarget & { readonly kind: 'tool' }

export type ScopeInput = {
  readonly manifest: Manifest
  /** Every tool with a contract. */
  readonly tools: readonly { readonly target: ToolTarget; readonly isWrite: boolean }[]
  readonly uncontracted: readonly string[]
}

export type CompiledScope = Pick<
  CompiledPact,
  'scopes' | 'tasks' | 'defaultTask' | 'writeFlow' | 'loops'
>

/** Compiles what a session may be opened for. With problems, it must not be used. */
export function compileScope(input: ScopeInput): {
  readonly scope: CompiledScope
  readonly problems: readonly PactProblem[]
} {
  const { manifest } = input
  const problems: PactProblem[] = []
  const tasks = manifest.tasks && compileTasks(manifest.tasks, input, problems)
  const scope = {
    scopes: manifest.scopes ?? {},
    tasks,
    defaultTask: manifest.defaultTask,
    writeFlow: compileWriteFlow(input, problems),
    loops: compileLoops(manifest.limits.loops),
  }
  return { scope, problems }
}

type Task = NonNullable<Manifest['tasks']>[string]

function compileTasks(
  tasks: Readonly<Record<string, Task>>,
  input: ScopeInput,
  problems: PactProblem[],
): ReadonlyMap<string, CompiledTask> {
  const tools = input.tools.map(({ target }) => target.name)
  const models = input.manifest.models.map((model) => model.name)
  return new Map(
    Object.entries(tasks).map(([name, task]) => {
      const path = ['tasks', name]
      const selectTools = { known: tools, what: 'a tool with a contract, as server/tool' }
      const selectModels = { known: models, what: 'a model of this manifest' }
      const selected = select(task.tools, { ...selectTools, path: [...path, 'tools'], problems })
      const compiled: CompiledTask = {
        name,
        description: task.description,
        tools: selected,
        models: select(task.models ?? ['*'], {
          ...selectModels,
          path: [...path, 'models'],
          problems: task.models === undefined ? [] : problems,
        }),
        bounds: compileBounds({ name, task, tools: selected }, input, problems),
        scopes: task.scopes,
        limits: compileLimit(task.limits),
      }
      return [name, compiled]
    }),
  )
}

function select(
  patterns: readonly string[],
  context: {
    readonly known: readonly string[]
    readonly what: string
    readonly path: readonly PathStep[]
    readonly problems: PactProblem[]
  },
): ReadonlySet<string> {
  const { known, what, path, problems } = context
  const selected = new Set<string>()
  for (const [index, pattern] of patterns.entries()) {
    const found = known.filter(compileGlob(pattern))
    for (const each of found) selected.add(each)
    if (found.length > 0) continue
    const expected = `a pattern that matches ${what}`
    const problem = { value: pattern, expected, hint: hint(pattern, known) }
    problems.push(problemAt([...path, index], problem))
  }
  return selected
}

/** A bound must be true, so it is a rule that denies where its condition is not. */
function compileBounds(
  of: { readonly name: string; readonly task: Task; readonly tools: ReadonlySet<string> },
  input: ScopeInput,
  problems: PactProblem[],
): ReadonlyMap<string, BoundRules> {
  const { name, task } = of
  if (task.bounds.length === 0) return new Map()
  const compiled = compileRules({
    permissions: task.bounds.map(({ id, tools, when, reason }, index) => ({
      id: `task.${name}.${id ?? `bound-${index + 1}`}`,
      effect: 'deny',
      tools,
      when,
      reason: reason ?? `the task ${name} is bound to: ${when}`,
    })),
    tools: input.tools.map(({ target }) => target).filter(({ name: tool }) => of.tools.has(tool)),
    models: [],
    ...sharedInput(input),
    pathOf: (index) => ['tasks', name, 'bounds', index],
  })
  problems.push(...compiled.problems)
  return new Map(
    [...compiled.rules.tools].map(([tool, bound]) => {
      const rules = bound.rules.map((rule) => ({ ...rule, program: negate(rule.program) }))
      return [tool, { ...bound, rules }]
    }),
  )
}

/** Only false becomes true: what is neither stays what it is, and an answer that is no bool denies. */
function negate(program: Program | undefined): Program | undefined {
  if (program === undefined) return undefined
  return (context) => {
    const answer = program(context)
    return typeof answer === 'boolean' ? !answer : answer
  }
}

function compileWriteFlow(
  input: ScopeInput,
  problems: PactProblem[],
): CompiledWriteFlow | undefined {
  const { writeFlow } = input.manifest.pact
  if (writeFlow === undefined) return undefined
  const writes = input.tools.flatMap(({ target, isWrite }) => (isWrite ? [target] : []))
  if (writes.length === 0) {
    const expected = 'no write flow, because no tool writes'
    problems.push(problemAt(['pact', 'writeFlow'], { value: writeFlow.when, expected }))
    return undefined
  }
  const reason = writeFlow.reason ?? `this session may only read until ${writeFlow.when}`
  const compiled = compileRules({
    permissions: [
      { id: 'write-flow', effect: 'allow', tools: ['*'], when: writeFlow.when, reason },
    ],
    tools: writes,
    models: [],
    ...sharedInput(input),
    pathOf: () => ['pact', 'writeFlow'],
  })
  problems.push(...compiled.problems)
  const seconds = writeFlow.expiresAfterSeconds
  return {
    opens: compiled.rules.tools,
    reason,
    expiresAfterMs: seconds === undefined ? undefined : seconds * 1000,
    writesMax: writeFlow.writesMax,
  }
}

function sharedInput(input: ScopeInput) {
  return {
    uncontracted: input.uncontracted,
    scopes: input.manifest.scopes ?? {},
    counted: input.tools.map(({ target }) => target.name),
  }
}

/** A default that the window cannot show becomes what it can. */
function compileLoops(loops: Manifest['limits']['loops']): CompiledLoops {
  const window = loops?.window ?? loopDefaults.window
  return {
    identical: loops?.identical ?? Math.min(loopDefaults.identical, window),
    oscillation: loops?.oscillation ?? Math.min(loopDefaults.oscillation, Math.floor(window / 2)),
    window,
    steps: loops?.steps,
    toolCalls: loops?.toolCalls,
    models: loops?.models ?? loopDefaults.models,
  }
}
