// Calls that a contract names beside the call itself: its quote, its probe, its undo.
import { splitToolName } from '../../core/decision/call.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { CompiledPact } from '../../core/pact/compiled.ts'
import type { Gateway } from '../gateway.ts'
import type { LiveCall } from '../kill/fence.ts'
import type { ToolEnd } from './backend.ts'

/** `followUp.tool` is `server/tool`; `meta` says in which session, and for which effect. */
export async function callFollowUp(
  gateway: Gateway,
  pact: CompiledPact,
  followUp: {
    readonly tool: string
    readonly args: Readonly<Record<string, unknown>>
    readonly meta: Readonly<Record<string, unknown>>
    readonly live: LiveCall
  },
): Promise<ToolEnd> {
  const name = splitToolName(followUp.tool)
  const server = pact.servers.get(name.server)
  if (server === undefined) {
    const error = new AirworthyError('tool.server_unknown', `${name.server} is not enrolled`)
    return { kind: 'failed', error }
  }
  const { args, meta, live } = followUp
  return gateway.tools.call({ name: name.server, server, tool: name.tool }, { args, meta, live })
}
