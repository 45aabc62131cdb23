// Other arguments for a held call. They are a proposal of their own: it is held whatever the rules
// say, since whoever wrote it cannot approve it, and the held call is rejected in the same commit.
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { commitReason, reasonSaltBytes } from '../core/audit/reason.ts'
import { splitToolName } from '../core/decision/call.ts'
import { AirworthyError } from '../core/errors.ts'
import { wholeSessionName } from '../core/run/run.ts'
import { requireEditor } from '../store/holds/require-editor.ts'
import { findHeldCall } from '../store/holds/hold-votes.ts'
import { findPrincipal } from '../store/principals.ts'
import { findRunOfCall } from '../store/holds/run-holds.ts'
import type { Gateway } from './gateway.ts'
import { runToolCall } from './tools/tool-call.ts'

export type HoldEdit = {
  readonly holdId: string
  readonly operatorId: string
  readonly args: Readonly<Record<string, unknown>>
  readonly reason: string
}

/**
 * Gives the new call, and its hold unless it is denied or was done before; then, and where this throws
 * `hold.*`, `vote.forbidden` or `tool.arguments_invalid`, the held call is as it was.
 */
export async function editHold(
  gateway: Gateway,
  edit: HoldEdit,
): Promise<{ readonly callId: string; readonly holdId: string | undefined }> {
  const { db, organisationId } = gateway
  const { holdId, operatorId, args, reason } = edit
  const held = await findHeldCall(db, organisationId, holdId)
  if (held === undefined) throw new AirworthyError('hold.unknown', 'there is no such hold')
  if (held.kind !== 'tool') {
    throw new AirworthyError('request.invalid', 'only the arguments of a tool can be changed')
  }
  const principal = await findPrincipal(db, organisationId, held)
  if (principal === undefined) throw new AirworthyError('hold.unknown', 'its session is gone')
  const run = await findRunOfCall(db, organisationId, held.callId)
  await requireEditor(db, organisationId, edit)
  const salt = randomBytes(reasonSaltBytes)
  const input = {
    callId: randomUUIDv7(),
    principal,
    ...splitToolName(held.action),
    args,
    resume: undefined,
    run: run === undefined || run.name === wholeSessionName ? undefined : run.name,
    author: {
      operatorId,
      replaces: holdId,
      reason: { text: reason, salt, commitment: commitReason(salt, reason) },
    },
  }
  const { pinned } = await gateway.pacts.active(principal)
  const validate = pinned.get(held.action)?.validate
  if (validate !== undefined && !validate(args)) {
    const [first] = validate.errors ?? []
    const where = `arguments${first?.instancePath ?? ''}`
    const message = `${where} ${first?.message ?? 'do not match the schema'}`
    throw new AirworthyError('tool.arguments_invalid', message)
  }
  const reply = await runToolCall(gateway, input)
  const made = await findHoldOfCall(gateway, reply.callId)
  return { callId: reply.callId, holdId: made }
}

async function findHoldOfCall(gateway: Gateway, callId: string): Promise<string | undefined> {
  const row = await gateway.db
    .selectFrom('airworthy.holds')
    .select('hold_id')
    .where('organisation_id', '=', gateway.organisationId)
    .where('call_id', '=', callId)
    .executeTakeFirst()
  return row?.hold_id
}
