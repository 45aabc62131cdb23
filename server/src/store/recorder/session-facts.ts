// What a session did so far, as rules ask of it, and as it lies in the session's ledger.
import type { SessionFacts, ToolCounts } from '../../core/decision/facts.ts'
import { formatFlow, parseFlow, type StoredFlow } from '../session-scope.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export type Facts = Mutable<Omit<SessionFacts, 'tools'>> & {
  tools: Record<string, Mutable<ToolCounts>>
}

/** How facts lie in the row: short, because the row is written with every batch. */
export type StoredFacts = {
  m?: number
  t?: number
  w?: number
  d?: number
  h?: number
  k?: number
  s?: string
  /** Calls that brought untrusted content, and private data. */
  x?: [untrusted: readonly string[], secret: readonly string[]]
  f?: StoredFlow | undefined
  r?: string | undefined
  e?: SessionFacts['escalation']
  tools?: Record<string, [made: number, done: number, failed: number, unknown: number]>
}

export function parseFacts(
  row: unknown,
  session: Pick<SessionFacts, 'task' | 'endUser' | 'scope'>,
): Facts {
  const stored: StoredFacts = typeof row === 'object' && row !== null ? row : {}
  const tools: Record<string, Mutable<ToolCounts>> = {}
  for (const [name, [made, done, failed, unknown]] of Object.entries(stored.tools ?? {})) {
    tools[name] = { made, done, failed, unknown }
  }
  return {
    task: session.task,
    endUser: session.endUser,
    scope: session.scope,
    modelCalls: stored.m ?? 0,
    toolCalls: stored.t ?? 0,
    writes: stored.w ?? 0,
    denied: stored.d ?? 0,
    held: stored.h ?? 0,
    tokens: stored.k ?? 0,
    spentNanoUsd: BigInt(stored.s ?? '0'),
    taint: stored.x && { untrusted: stored.x[0], private: stored.x[1] },
    flow: parseFlow(stored.f),
    recent: stored.r,
    ...(stored.e === undefined ? {} : { escalation: stored.e }),
    tools,
  }
}

export function formatFacts(facts: SessionFacts): StoredFacts {
  const tools: NonNullable<StoredFacts['tools']> = {}
  for (const [name, counts] of Object.entries(facts.tools)) {
    tools[name] = [counts.made, counts.done, counts.failed, counts.unknown]
  }
  return {
    m: facts.modelCalls,
    t: facts.toolCalls,
    w: facts.writes,
    d: facts.denied,
    h: facts.held,
    k: facts.tokens,
    s: facts.spentNanoUsd.toString(),
    ...(facts.taint === undefined ? {} : { x: [facts.taint.untrusted, facts.taint.private] }),
    f: formatFlow(facts.flow),
    r: facts.recent,
    e: facts.escalation,
    tools,
  }
}
