// The pact's scorer: an enrolled tool that says how sure it is of a call before it is decided.
import { valueAt } from '../../core/escalation/read-reply.ts'
import { readProbability } from '../../core/escalation/probability.ts'
import { splitToolName } from '../../core/decision/call.ts'
import type { Principal } from '../../store/recorder/types.ts'
import { callFollowUp } from '../tools/call-followup.ts'
import { parseToolResult } from '../tools/tool-result.ts'
import type { Gateway } from '../gateway.ts'
import type { LoadedPact } from '../pacts.ts'

/**
 * From 0 to 1; undefined where the call is not asked about, and where the scorer fails: then its
 * opinion is missing, and the pact says what becomes of the call. Bounded by its server's timeout.
 */
export async function scoreCall(
  gateway: Gateway,
  { pact }: LoadedPact,
  call: {
    readonly principal: Principal
    readonly action: string
    readonly args: Readonly<Record<string, unknown>>
  },
): Promise<number | undefined> {
  const scorer = pact.escalation?.scorer
  if (scorer === undefined) return undefined
  const { principal, action, args } = call
  const triggers = pact.escalation?.tools.get(action) ?? []
  if (!triggers.some(({ trigger }) => trigger === 'confidence')) return undefined
  const { agentId, versionId, sessionId } = principal
  using live = gateway.fence.enter({ agentId, versionId, sessionId, tool: scorer.tool })
  const end = await callFollowUp(gateway, pact, {
    tool: scorer.tool,
    args: {
      agent: principal.agentName,
      task: principal.task,
      ...splitToolName(action),
      arguments: args,
    },
    meta: { 'airworthy/session': sessionId },
    live,
  })
  if (end.kind !== 'result' || end.result.isError === true) return undefined
  return readProbability(valueAt(parseToolResult(end.result), scorer.path))
}
