// Loops: identical calls, a few calls in turn, too many steps. A session remembers short digests of
// its last calls, oldest first, as one text of fixed parts: small enough to be written each time.
import { hash } from 'node:crypto'
import type { CompiledLoops } from '../pact/compiled.ts'
import type { Call } from './call.ts'
import type { Decision } from './decision.ts'
import type { SessionFacts } from './facts.ts'
import { tighten } from './tighten.ts'

/** Characters of one digest: 36 bits, of a keyed hash that an agent cannot aim at. */
export const callDigestLength = 6

/** Over an action and a keyed hash of its arguments; undefined where nothing is compared. */
export function callDigest(
  loops: CompiledLoops,
  action: string,
  argsHash: string,
): string | undefined {
  if (loops.identical === 0 && loops.oscillation === 0) return undefined
  return hash('sha256', `${action} ${argsHash}`, 'base64url').slice(0, callDigestLength)
}

const periods = [2, 3, 4] as const

export type LoopFinding = {
  readonly code: 'loop.identical' | 'loop.oscillation' | 'loop.steps'
  readonly reason: string
}

/** How often a call is among the remembered ones. */
export function countRepeats(recent: string, digest: string): number {
  if (digest === '') return 0
  let count = 0
  for (let at = 0; at < recent.length; at += callDigestLength) {
    if (recent.startsWith(digest, at)) count += 1
  }
  return count
}

/** Remembers a call and forgets those before the window. */
export function pushRecent(recent: string, digest: string, window: number): string {
  return (recent + digest).slice(-window * callDigestLength)
}

/** What a call would continue; undefined where it may go on. */
export function findLoop(
  recent: string,
  digest: string,
  limits: Pick<CompiledLoops, 'identical' | 'oscillation' | 'window'>,
): LoopFinding | undefined {
  const { identical, oscillation, window } = limits
  const seen = recent.slice(-window * callDigestLength)
  if (identical > 0 && countRepeats(seen, digest) >= identical) {
    const reason =
      `this very call was made ${identical} times lately: ` +
      'use the answer that you have, do something else, or say that you cannot go on'
    return { code: 'loop.identical', reason }
  }
  if (oscillation === 0) return undefined
  const calls = pushRecent(seen, digest, window + 1)
  const period = periods.find((each) => runOf(calls, each) > each * oscillation)
  if (period === undefined) return undefined
  const reason =
    `the same ${period} calls were made in turn ${oscillation} times: ` +
    'nothing changes by going on; take another way, or say that you cannot go on'
  return { code: 'loop.oscillation', reason }
}

/** How many of the last calls repeat with this period; 0 where they are all the same call. */
function runOf(calls: string, period: number): number {
  const step = callDigestLength
  const back = period * step
  const last = calls.slice(-step)
  let isOneCall = true
  for (let each = 2; each <= period; each += 1) {
    const start = calls.length - each * step
    if (start < 0) return 0
    if (calls.slice(start, start + step) !== last) isOneCall = false
  }
  if (isOneCall) return 0
  let run = period
  for (let at = calls.length - step; at >= back; at -= step) {
    if (calls.slice(at, at + step) !== calls.slice(at - back, at - back + step)) return run
    run += 1
  }
  return run
}

/** Denies what goes round in circles, and says what the session remembers if the call goes on. */
export function decideLoops(
  decision: Decision,
  call: Call,
  context: { readonly loops: CompiledLoops; readonly session: SessionFacts },
): Decision {
  const { loops, session } = context
  const recent = session.recent ?? ''
  const { digest } = call
  const remembered =
    digest === undefined
      ? decision
      : {
          ...decision,
          after: { ...decision.after, recent: pushRecent(recent, digest, loops.window) },
        }
  if (decision.verdict === 'deny') return remembered
  const finding =
    findSteps(call, loops, session) ??
    (digest === undefined ? undefined : findLoop(recent, digest, loops))
  if (finding === undefined) return remembered
  const { code, reason } = finding
  return tighten(remembered, { verdict: 'deny', code, rule: code, reason })
}

function findSteps(
  call: Call,
  loops: CompiledLoops,
  session: SessionFacts,
): LoopFinding | undefined {
  const isModel = call.kind === 'model'
  const most = isModel ? loops.steps : loops.toolCalls
  const made = isModel ? session.modelCalls : session.toolCalls
  if (most === undefined || made < most) return undefined
  const what = isModel ? 'model calls' : 'tool calls'
  const reason = `the session has had its ${most} ${what}: finish with what you have`
  return { code: 'loop.steps', reason }
}
