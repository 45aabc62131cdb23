// What a model's reply asks for beside what the pact permits.
import { AirworthyError } from '../../core/errors.ts'
import { isReservedToolName } from '../../core/pact/gateway-tools.ts'
import { callableNamesIn } from '../pacts.ts'
import type { Forwarding } from './forwarding.ts'
import { bareName } from './prepare-model-call.ts'
import type { ReplyFindings } from './wire.ts'

/**
 * Tools that run inside the agent's own process are seen here, in what the model asks for: the
 * reply is refused or only flagged, as the manifest says of drifting tools.
 */
export function findOutside(
  forwarding: Forwarding,
  findings: ReplyFindings,
): AirworthyError | undefined {
  const { prepared, input } = forwarding
  const callableNames = callableNamesIn(prepared.loaded, input.principal.task)
  const outside = findings.toolNames.find((name) => {
    const bare = bareName(name)
    return !callableNames.has(bare) && !isReservedToolName(bare)
  })
  if (outside === undefined) return undefined
  const message = `the model asks for ${outside}, which the pact does not permit`
  return new AirworthyError('policy.reply_denied', message, { detail: { tool: outside } })
}

export function isRefused(forwarding: Forwarding, error: AirworthyError): boolean {
  if (error.code !== 'policy.reply_denied') return true
  const isObserving = forwarding.input.principal.mode === 'observe'
  return !isObserving && forwarding.prepared.loaded.pact.drift.tools === 'hold'
}
