// What a person does in the agent's stead: a message, or a tool call, which is decided, reserved and
// recorded as the agent's would be, under the same pact, with the person as its author.
import { randomUUIDv7 } from 'node:crypto'
import { splitToolName } from '../../core/decision/call.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { Audience } from '../../core/handover/handover.ts'
import { insertMessage } from '../../store/handover/handover-messages.ts'
import { type Handover, requireTaken } from '../../store/handover/handovers.ts'
import { findKeyOfSession } from '../../store/handover/handover-keys.ts'
import { findPrincipal } from '../../store/principals.ts'
import { runCommand } from '../../store/transaction.ts'
import type { Gateway } from '../gateway.ts'
import { runToolCall } from '../tools/tool-call.ts'
import type { ToolReply } from '../tools/tool-reply.ts'

type Acting = { readonly handoverId: string; readonly operatorId: string }

/** Throws `handover.*`. */
export async function sayInStead(
  gateway: Gateway,
  saying: Acting & { readonly audience: Audience; readonly text: string },
): Promise<Handover> {
  const { db, organisationId, vault } = gateway
  const { audience, operatorId } = saying
  const before = await requireTaken(db, organisationId, saying)
  const text = await vault.seal(before.endUser, Buffer.from(saying.text))
  return runCommand(db, organisationId, async (tx) => {
    const handover = await requireTaken(tx, organisationId, saying)
    // The end user was erased meanwhile: nothing of them is sealed under the old key.
    if (handover.endUser !== before.endUser) {
      throw new AirworthyError('erasure.in_use', 'the end user is being erased')
    }
    return insertMessage(tx, organisationId, { handover, audience, operatorId, text })
  })
}

/** Throws `handover.*` and what any tool call throws; what the pact refuses is a reply. */
export async function callInStead(
  gateway: Gateway,
  calling: Acting & {
    /** `server/tool`. */
    readonly tool: string
    readonly args: Readonly<Record<string, unknown>>
    readonly run?: string | undefined
  },
): Promise<ToolReply> {
  const { db, organisationId } = gateway
  const { handoverId, operatorId, tool, args, run } = calling
  const { sessionId, agentId } = await requireTaken(db, organisationId, calling)
  const apiKeyId = await findKeyOfSession(db, organisationId, { sessionId, agentId })
  const principal =
    apiKeyId === undefined
      ? undefined
      : await findPrincipal(db, organisationId, { sessionId, apiKeyId })
  if (principal === undefined) {
    throw new AirworthyError('request.invalid', 'the agent has never had an API key')
  }
  return runToolCall(gateway, {
    callId: randomUUIDv7(),
    // What is only observed of the agent is enforced for a person: else one could act alone where
    // the pact asks two.
    principal: { ...principal, mode: 'enforce' },
    ...splitToolName(tool),
    args,
    resume: undefined,
    run,
    inStead: { handoverId, operatorId },
  })
}
