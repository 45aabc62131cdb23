// What a session is opened for, held against the pact: its task and its data scopes.
import type { OpenSession, SessionScope } from '@airworthy/sdk'
import { AirworthyError } from '../../core/errors.ts'
import type { CompiledLimit, CompiledPact, CompiledTask } from '../../core/pact/compiled.ts'
import { narrowLimit } from '../../core/pact/prices.ts'
import { hint } from '../../core/pact/suggest.ts'

export type Opening = {
  readonly task: string
  readonly scope: SessionScope
  /** The widest budgets that such a session may have. */
  readonly limits: CompiledLimit
}

/** Throws `task.unknown` or `scope.invalid`. */
export function checkOpening(pact: CompiledPact, request: OpenSession): Opening {
  const task = findTask(pact, request.task)
  const scope = request.scope ?? {}
  checkScope(pact, scope, task)
  const { session } = pact.limits
  const limits = task === undefined ? session : narrowLimit(session, task.limits)
  return { task: request.task ?? '', scope, limits }
}

function findTask(pact: CompiledPact, name: string | undefined): CompiledTask | undefined {
  if (pact.tasks === undefined) return undefined
  const task = name === undefined ? undefined : pact.tasks.get(name)
  if (task !== undefined) return task
  const tasks = [...pact.tasks.keys()]
  const got = name === undefined ? 'nothing' : JSON.stringify(name)
  const near = name === undefined ? '' : hint(name, tasks)
  const message = `body.task: got ${got}, expected one of the tasks ${tasks.join(', ')}${near}`
  throw new AirworthyError('task.unknown', message, { detail: { tasks } })
}

function checkScope(pact: CompiledPact, scope: SessionScope, task: CompiledTask | undefined): void {
  const declared = Object.keys(pact.scopes)
  for (const [name, value] of Object.entries(scope)) {
    const type = Object.hasOwn(pact.scopes, name) ? pact.scopes[name] : undefined
    if (type === undefined) {
      const known = declared.length === 0 ? 'no data scope: none is declared' : declared.join(', ')
      refuseScope(name, `got a value, expected one of ${known}${hint(name, declared)}`)
    } else if (typeOf(value) !== type) {
      refuseScope(name, `got ${JSON.stringify(value)}, expected ${described[type]}`)
    }
  }
  for (const name of task?.scopes ?? []) {
    const type = pact.scopes[name] ?? 'string'
    if (!Object.hasOwn(scope, name)) {
      const why = `because the task ${task?.name ?? ''} needs it`
      refuseScope(name, `got nothing, expected ${described[type]}, ${why}`)
    }
  }
}

const described = { string: 'a string', integer: 'an integer', boolean: 'true or false' } as const

function typeOf(value: string | number | boolean): keyof typeof described {
  if (typeof value === 'number') return 'integer'
  return typeof value === 'string' ? 'string' : 'boolean'
}

function refuseScope(name: string, message: string): never {
  throw new AirworthyError('scope.invalid', `body.scope.${name}: ${message}`)
}
