// How a session's data scope and write flow lie in its rows.
import type { FlowFacts, ScopeValue } from '../core/decision/facts.ts'

/** Short, because the row is written with every batch. */
export type StoredFlow = [state: 'o' | 'b', sinceMs: number, writes: number]

export function formatFlow(flow: FlowFacts | undefined): StoredFlow | undefined {
  return flow && [flow.state === 'open' ? 'o' : 'b', flow.sinceMs, flow.writes]
}

export function parseFlow(stored: StoredFlow | undefined): FlowFacts | undefined {
  if (stored === undefined) return undefined
  const [state, sinceMs, writes] = stored
  return { state: state === 'o' ? 'open' : 'barred', sinceMs, writes }
}

/** What is no value of a scope is left out: a rule that reads it then denies. */
export function parseScope(stored: unknown): Readonly<Record<string, ScopeValue>> {
  if (typeof stored !== 'object' || stored === null) return {}
  const values: Record<string, ScopeValue> = {}
  for (const [name, value] of Object.entries(stored)) {
    if (['string', 'number', 'boolean'].includes(typeof value)) values[name] = value
  }
  return values
}
