// Least privilege by task: what a session may reach at all, before any rule is asked.
import type { CompiledPact, CompiledTask } from '../pact/compiled.ts'

/** The task of the session of calls without a session; no manifest can declare it. */
export const defaultSessionTask = 'default'

type Tasks = Pick<CompiledPact, 'tasks' | 'defaultTask'>

/** The task that a session was opened for; undefined where the pact does not know it. */
export function taskOf(pact: Tasks, task: string): CompiledTask | undefined {
  const name = task === defaultSessionTask ? pact.defaultTask : task
  return name === undefined ? undefined : pact.tasks?.get(name)
}

/** Whether a session of this task may see a tool (`server/tool`). Without tasks it may see all. */
export function isToolInTask(pact: Tasks, task: string, tool: string): boolean {
  return pact.tasks === undefined || taskOf(pact, task)?.tools.has(tool) === true
}

/** The same for a model. */
export function isModelInTask(pact: Tasks, task: string, model: string): boolean {
  return pact.tasks === undefined || taskOf(pact, task)?.models.has(model) === true
}

/** Why a tool (`server/tool`) or model lies outside the session's task; undefined where it does not. */
export function outsideTask(
  pact: Tasks,
  task: string,
  wanted: { readonly kind: 'tool' | 'model'; readonly name: string },
): string | undefined {
  if (pact.tasks === undefined) return undefined
  const known = taskOf(pact, task)
  if (known === undefined) {
    return task === defaultSessionTask
      ? 'calls without a session have no task, so nothing is permitted to them'
      : 'the pact does not know the task of this session any more: open another session'
  }
  const { kind, name } = wanted
  if ((kind === 'model' ? known.models : known.tools).has(name)) return undefined
  return kind === 'model'
    ? `the task ${known.name} does not include the model ${name}`
    : `the task ${known.name} does not include ${name}; use the tools that are listed`
}
