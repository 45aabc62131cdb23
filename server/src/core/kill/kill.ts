// A kill: what it stops, and for which calls. Pure, so that every gateway and the recorder agree.

export const killScopeKinds = ['agent', 'version', 'tool', 'session', 'organisation'] as const
export type KillScopeKind = (typeof killScopeKinds)[number]

/**
 * `freeze` stops and leaves everything as it is. `unwind` stops, then takes back the runs that are
 * open. `drill` stops nothing: it is confirmed by every gateway, and shows how long that takes.
 */
export const killModes = ['freeze', 'unwind', 'drill'] as const
export type KillMode = (typeof killModes)[number]

export type KillScope = {
  readonly kind: KillScopeKind
  /** An id; for a tool `server/tool` or `server/*`; for the organisation its own id. */
  readonly id: string
}

/** A kill as far as a decision about a call needs it. */
export type ActiveKill = {
  readonly killId: string
  readonly epoch: bigint
  readonly scope: KillScope
  readonly mode: KillMode
}

/** What a call is, as far as a kill asks: model calls have no tool. */
export type KillSubject = {
  readonly agentId: string
  readonly versionId: string
  readonly sessionId: string
  /** `server/tool` */
  readonly tool?: string | undefined
}

/**
 * What somebody is about to do: a call of an agent; an undo, or what finds its end out, that no
 * person asked for; the same at the word of an operator.
 */
export type DispatchUse = 'call' | 'undo' | 'operator'

export function isInScope(scope: KillScope, subject: KillSubject): boolean {
  switch (scope.kind) {
    case 'organisation':
      return true
    case 'agent':
      return subject.agentId === scope.id
    case 'version':
      return subject.versionId === scope.id
    case 'session':
      return subject.sessionId === scope.id
    case 'tool':
      return subject.tool !== undefined && isTool(scope.id, subject.tool)
    default:
      return true
  }
}

function isTool(pattern: string, tool: string): boolean {
  return pattern.endsWith('/*') ? tool.startsWith(pattern.slice(0, -1)) : tool === pattern
}

/**
 * The kill that stops this, if one does: any for a call. Of those that concern an undo the newest
 * decides, so that what was frozen can be unwound by another kill. An operator may undo under any:
 * it only takes back, and it is asked for one by one.
 */
export function findKill(
  kills: readonly ActiveKill[],
  subject: KillSubject,
  use: DispatchUse,
): ActiveKill | undefined {
  if (use === 'operator') return undefined
  let newest: ActiveKill | undefined
  for (const kill of kills) {
    if (kill.mode === 'drill' || !isInScope(kill.scope, subject)) continue
    if (newest === undefined || kill.epoch > newest.epoch) newest = kill
  }
  return use === 'undo' && newest?.mode === 'unwind' ? undefined : newest
}

/** A tool as a kill may name it. */
export const killToolPattern = /^[A-Za-z0-9_.-]{1,64}\/(?:\*|[^\s*/][^\s*]{0,190})$/

/** What people read: `agent 0190…`, `tool shop/refund`, `the organisation`. */
export function describeScope({ kind, id }: KillScope): string {
  return kind === 'organisation' ? 'the organisation' : `${kind} ${id}`
}
