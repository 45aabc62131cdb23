// The run that a call names: `_meta["airworthy/run"]` of an MCP request, or a header. An agent
// groups its own effects with it, in its own session; it never names sessions.
import { randomUUIDv7 } from 'node:crypto'
import { AirworthyError } from '../../core/errors.ts'
import { isRunName, type RunsPolicy, wholeSessionName } from '../../core/run/run.ts'
import type { Principal, RunIntent } from '../../store/recorder/types.ts'

export const runHeader = 'airworthy-run'
export const runMeta = 'airworthy/run'

/** Throws `request.invalid` for what is no name of a run. */
export function parseRunName(named: unknown): string {
  if (typeof named === 'string' && isRunName(named)) return named
  const message = 'a run has a name of at most 64 letters, digits, "-", "_" and "."'
  throw new AirworthyError('request.invalid', message)
}

/** The run that a call joins; undefined where its pact and the agent name none. */
export function runIntentOf(
  policy: RunsPolicy,
  call: {
    readonly run: string | undefined
    readonly isWrite: boolean
    readonly principal: Principal
  },
): RunIntent | undefined {
  const { run, isWrite, principal } = call
  const isWhole = policy.wholeSession && isWrite && !isDefaultSession(principal)
  const name = run ?? (isWhole ? wholeSessionName : undefined)
  if (name === undefined) return undefined
  // An observing session records, and changes nothing of what happens.
  const isObserving = principal.mode === 'observe'
  const kept = { onFailure: 'keep', onDenied: 'keep', irreversibleLast: false } as const
  return { name, runId: randomUUIDv7(), policy: isObserving ? { ...policy, ...kept } : policy }
}

/** The default session of a key is never closed, so it has no end that would complete a run. */
function isDefaultSession(principal: Principal): boolean {
  return principal.endUser === `key:${principal.apiKeyId}`
}
