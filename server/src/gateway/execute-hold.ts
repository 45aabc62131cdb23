// Step 5 of the life of a call: an approved call is decided again on fresh facts and executed from
// its row, whether or not the agent still waits for it.
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { splitToolName } from '../core/decision/call.ts'
import { AirworthyError } from '../core/errors.ts'
import { wholeSessionName } from '../core/run/run.ts'
import { giveUpApproved } from '../store/holds/close-hold.ts'
import { findHeldCall, type HeldCall, type Vote, voteOnHold } from '../store/holds/hold-votes.ts'
import { findPrincipal } from '../store/principals.ts'
import { deferApproved, findRunOfCall } from '../store/holds/run-holds.ts'
import type { Intent, Principal } from '../store/recorder/types.ts'
import type { Gateway } from './gateway.ts'
import { DetachedReply } from './llm/detached-reply.ts'
import { runModelCall } from './llm/model-call.ts'
import { modelWires } from './llm/wires.ts'
import { readArguments } from './tools/read-arguments.ts'
import { runToolCall } from './tools/tool-call.ts'

/** Records the vote; a call that it approves is executed before this resolves, or goes on elsewhere. */
export async function decideHold(gateway: Gateway, vote: Vote): Promise<void> {
  const outcome = await voteOnHold(gateway.db, gateway.organisationId, vote)
  if (outcome !== 'approved') return
  await executeHold(gateway, vote.holdId).catch((thrown: unknown) => {
    // The vote counts: the job of some gateway was quicker, or a kill has cancelled the hold since.
    if (!(thrown instanceof AirworthyError) || thrown.code !== 'hold.settled') throw thrown
  })
}

export async function executeHold(gateway: Gateway, holdId: string): Promise<void> {
  const held = await findHeldCall(gateway.db, gateway.organisationId, holdId)
  if (held === undefined) throw new AirworthyError('hold.unknown', 'there is no such hold')
  const { db, organisationId } = gateway
  const principal = await findPrincipal(db, organisationId, held)
  const request = await gateway.vault.open(held.callId, 1)
  if (principal === undefined || request === undefined) {
    await giveUpApproved(db, organisationId, holdId)
    throw new AirworthyError(
      'call.unknown',
      'what was asked for is forgotten, so it cannot be done',
    )
  }
  const { effectId, pactId, schemaHash, round, facts, policy, isApproved, isOfPerson } = held
  const question = { pactId, schemaHash, round, facts, policy, isApproved }
  const resume = { ...question, holdId, effectId, isOfPerson }
  const run = await findRunOfCall(db, organisationId, held.callId)
  if (run?.state === 'open' && run.irreversibleLast) {
    if (await deferApproved(db, organisationId, held)) return
  }
  const runName = run?.name === wholeSessionName ? undefined : run?.name
  if (held.kind === 'tool')
    await executeTool(gateway, { held, principal, request, resume, runName })
  else await executeModel(gateway, { held, principal, request, resume })
}

type Execution = {
  readonly held: HeldCall
  readonly principal: Principal
  readonly request: Buffer
  readonly resume: NonNullable<Intent['resume']>
  /** The declared run that it is a step of. */
  readonly runName?: string | undefined
}

async function executeTool(gateway: Gateway, execution: Execution): Promise<void> {
  const { held, principal, request, resume } = execution
  const args = readArguments(request)
  if (args === undefined)
    throw new AirworthyError('internal.unexpected', 'the arguments are broken')
  await runToolCall(gateway, {
    callId: held.callId,
    principal,
    ...splitToolName(held.action),
    args,
    resume,
    run: execution.runName,
  })
}

async function executeModel(gateway: Gateway, execution: Execution): Promise<void> {
  const { held, principal, request, resume } = execution
  const { pact } = await gateway.pacts.active(principal)
  // What earlier releases held was spoken on the wire of its model.
  const endpoint = pact.models.get(held.action)?.endpoints[0]
  const wire = modelWires[held.wire ?? (endpoint?.wire === 'anthropic' ? 'messages' : 'chat')]
  const input = {
    callId: held.callId,
    principal,
    wire,
    body: request,
    request: wire.readRequest(request),
    resume,
    modelName: held.action,
  }
  const exchange = { request: new IncomingMessage(new Socket()), response: new DetachedReply() }
  await runModelCall(gateway, input, exchange)
}
