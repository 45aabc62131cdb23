// What a reply says of itself, for the pacts whose triggers ask.
import { readReply } from '../../core/escalation/read-reply.ts'
import type { Reading } from '../../core/escalation/escalation.ts'
import { readsReplyOf } from '../../core/escalation/tighten-by-triggers.ts'
import { wholeReply } from '../llm/captured-reply.ts'
import type { Forwarding } from '../llm/forwarding.ts'
import { isWordless } from '../llm/wire.ts'

/** Undefined for most: no reply is parsed for it. `body` is as the client gets it. */
export function readModelReply(forwarding: Forwarding, body: Buffer): Reading | undefined {
  const { input, prepared } = forwarding
  const { escalation } = prepared.loaded.pact
  if (escalation?.reply === undefined) return undefined
  if (!readsReplyOf(escalation, prepared.intent.action)) return undefined
  const { api } = input.wire
  if (isWordless(input.wire)) return undefined
  return readReply(api, wholeReply(api, { body, isStream: input.request.stream }), escalation.reply)
}
