// The built-in rule: a session that has read untrusted content and private data sends nothing out
// without a person. Any two of the three are harmless; all three let a stranger's text carry
// somebody's data away.
import type { TaintFacts, Origin, OriginsByArgument, PactTaint, ToolTaint } from './taint.ts'
import { unknownOrigin } from './taint.ts'

export const trifectaRule = 'taint.trifecta'

export type TrifectaFinding = {
  readonly verdict: 'hold' | 'deny'
  readonly code: 'taint.trifecta'
  readonly rule: typeof trifectaRule
  readonly reason: string
}

/** Whether calls of a tool can be held by this rule, so that a repeat has to find the first. */
export function mayHoldOutward(
  pact: { readonly taint: PactTaint },
  tool: { readonly taint: ToolTaint } | undefined,
): boolean {
  return pact.taint.trifecta === 'hold' && tool?.taint.isOutward === true
}

/** Undefined where the call may go on. What the call itself would bring does not count yet. */
export function findTrifecta(call: {
  readonly action: string
  readonly tool: ToolTaint
  readonly pact: PactTaint
  readonly session: TaintFacts
  readonly origins: OriginsByArgument | undefined
}): TrifectaFinding | undefined {
  const { action, tool, pact, session } = call
  if (pact.trifecta === 'off' || !tool.isOutward) return undefined
  if (session.untrusted.length === 0 || session.private.length === 0) return undefined
  const read =
    `this session has read untrusted content (${describeCalls(session.untrusted)}) and private data ` +
    `(${describeCalls(session.private)}), and ${action} sends data out`
  const advice =
    pact.trifecta === 'hold'
      ? 'a person decides. Do not send it another way: wait, or go on with what sends nothing out'
      : 'that is not permitted. Do not send it another way: go on with what sends nothing out'
  const from = describeOrigins(call.origins)
  const values = from === '' ? '' : ` (${from})`
  const reason = `${read}${values}: ${advice}`
  return { verdict: pact.trifecta, code: 'taint.trifecta', rule: trifectaRule, reason }
}

function describeCalls(calls: readonly string[]): string {
  return calls
    .map((call) => {
      const [callId = '', action = ''] = call.split(' ')
      return `call ${callId} of ${action}`
    })
    .join(', ')
}

const argumentsShownMax = 8
const originsShownMax = 6

/** `to: tool:web/fetch, web; body: unknown`, bounded; empty where nothing is known. */
export function describeOrigins(
  origins: OriginsByArgument | undefined,
  names: readonly string[] = Object.keys(origins ?? {}),
): string {
  if (origins === undefined) return ''
  const shown = names
    .slice(0, argumentsShownMax)
    .flatMap((name) => {
      const found = Object.hasOwn(origins, name) ? origins[name] : undefined
      if (found === undefined || found.length === 0) return []
      return [`${name.slice(0, 64)} from ${listOrigins(found)}`]
    })
    .join('; ')
  return names.length > argumentsShownMax ? `${shown}; and more` : shown
}

function listOrigins(origins: readonly Origin[]): string {
  const known = origins.filter((origin) => origin !== unknownOrigin)
  const shown = known.slice(0, originsShownMax)
  if (known.length > originsShownMax) shown.push('...')
  if (known.length < origins.length) shown.push('nowhere known')
  return shown.join(', ')
}
