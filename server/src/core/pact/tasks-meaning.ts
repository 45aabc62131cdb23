// What is wrong with tasks, data scopes and loops as far as it can be known without tool servers.
import type { Manifest } from './manifest-schema.ts'
import { problemAt } from './problem.ts'
import { limitFields } from './prices.ts'
import type { PactProblem } from './problem.ts'
import { hint } from './suggest.ts'

/** All problems of meaning, by path. */
export function checkTasks(manifest: Manifest): PactProblem[] {
  return [
    ...Object.entries(manifest.tasks ?? {}).flatMap(([name, task]) => [
      ...checkScopes(manifest, name, task),
      ...checkBoundIds(name, task),
      ...checkTaskLimits(manifest, name, task),
    ]),
    ...checkDefaultTask(manifest),
    ...checkLoops(manifest),
  ]
}

type Task = NonNullable<Manifest['tasks']>[string]

function checkScopes(manifest: Manifest, name: string, task: Task): PactProblem[] {
  const declared = Object.keys(manifest.scopes ?? {})
  return task.scopes.flatMap((scope, index) => {
    if (declared.includes(scope)) return []
    const expected = `a data scope that is declared in scopes: ${declared.join(', ') || 'none is'}`
    const found = { value: scope, expected, hint: hint(scope, declared) }
    return [problemAt(['tasks', name, 'scopes', index], found)]
  })
}

function checkBoundIds(name: string, task: Task): PactProblem[] {
  const ids = task.bounds.map((bound, index) => bound.id ?? `bound-${index + 1}`)
  return ids.flatMap((id, index) => {
    if (ids.indexOf(id) === index) return []
    const expected = 'one id for each bound of the task, and this one is taken'
    return [problemAt(['tasks', name, 'bounds', index, 'id'], { value: id, expected })]
  })
}

/** A task narrows what every session has; it cannot widen it. */
function checkTaskLimits(manifest: Manifest, name: string, task: Task): PactProblem[] {
  const { session } = manifest.limits
  return limitFields.flatMap((field) => {
    const own = task.limits[field]
    const other = session[field]
    if (own === undefined || other === undefined || Number(own) <= Number(other)) return []
    const expected = `at most the ${other} of limits.session`
    return [problemAt(['tasks', name, 'limits', field], { value: own, expected })]
  })
}

function checkDefaultTask({ defaultTask, tasks = {} }: Manifest): PactProblem[] {
  if (defaultTask === undefined) return []
  const task = Object.hasOwn(tasks, defaultTask) ? tasks[defaultTask] : undefined
  const path = ['defaultTask']
  if (task === undefined) {
    const known = Object.keys(tasks)
    const expected = `one of the tasks: ${known.join(', ') || 'none is declared'}`
    return [problemAt(path, { value: defaultTask, expected, hint: hint(defaultTask, known) })]
  }
  if (task.scopes.length === 0) return []
  const expected = 'a task without data scopes: calls without a session carry none'
  return [problemAt(path, { value: defaultTask, expected })]
}

function checkLoops({ limits: { loops } }: Manifest): PactProblem[] {
  if (loops === undefined) return []
  const { identical, oscillation, window } = loops
  const problems: PactProblem[] = []
  if (identical !== undefined && identical > window) {
    const expected = `at most the window of ${window} calls`
    problems.push(problemAt(['limits', 'loops', 'identical'], { value: identical, expected }))
  }
  if (oscillation !== undefined && oscillation * 2 > window) {
    const expected = `at most half the window of ${window} calls`
    problems.push(problemAt(['limits', 'loops', 'oscillation'], { value: oscillation, expected }))
  }
  return problems
}
