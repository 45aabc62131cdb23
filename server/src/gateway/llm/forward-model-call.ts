// Steps 6 to 8 of a model call: attempts until one ends it, each dispatched, judged and settled. No
// byte reaches the client before the intent is durable, nor the last event of a reply before the
// outcome is; and once the client has seen a byte there is no other attempt.
import { randomUUIDv7 } from 'node:crypto'
import { AirworthyError } from '../../core/errors.ts'
import type { Gateway } from '../gateway.ts'
import { type AttemptEnd, endAttempt } from './end-attempt.ts'
import { Course } from './course.ts'
import { tryAttempt } from './try-attempt.ts'
import type { Forwarding } from './forwarding.ts'
import { decisionOf } from './forwarding.ts'
import { placeModelCall } from './place-model-call.ts'
import { refuseModelCall } from './refuse-model-call.ts'
import { settleUnused } from './settle-model-call.ts'

/** Always answers the client; rejects only where that failed too. */
export async function forwardModelCall(gateway: Gateway, first: Forwarding): Promise<void> {
  let forwarding = first
  try {
    const course = await startCourse(gateway, first)
    for (;;) {
      if (forwarding.response.destroyed) {
        // The client left meanwhile: its `close` was before our time.
        await forwarding.durable
        await settleUnused(gateway, forwarding, {
          code: 'client.closed',
          attempts: course.attempts - 1,
        })
        return
      }
      await requireLease(gateway, forwarding, course)
      const attempt = await tryAttempt(gateway, forwarding, course)
      const end: AttemptEnd = await endAttempt(gateway, { forwarding, course, attempt })
      if (end.kind === 'answered') return
      if (end.kind === 'again') continue
      const next = await proposeAgain(gateway, forwarding)
      if (next === undefined) {
        end.giveUp()
        return
      }
      forwarding = next
      if (next.prepared.model !== undefined) course.turnTo(next.prepared.model)
    }
  } catch (thrown) {
    // Without a durable intent there is no receipt to give.
    await forwarding.durable
    const { input, response, result } = forwarding
    const mark = { ...result, decision: decisionOf(result) }
    refuseModelCall(gateway, { wire: input.wire, response, thrown, mark })
  }
}

/**
 * Before each attempt: a kill may have come while it waited, and a gateway that hears nothing waits a
 * moment. Throws why it may not go on; the call is settled then.
 */
async function requireLease(
  gateway: Gateway,
  forwarding: Forwarding,
  course: Course,
): Promise<void> {
  const { live } = forwarding
  if (live.refusal() === undefined) return
  await live.awaitLease()
  const refusal = live.refusal()
  if (refusal === undefined) return
  await forwarding.durable
  await settleUnused(gateway, forwarding, { code: refusal.code, attempts: course.attempts - 1 })
  throw refusal
}

async function startCourse(gateway: Gateway, forwarding: Forwarding): Promise<Course> {
  const { input, prepared } = forwarding
  const { model } = prepared
  if (model !== undefined) return new Course(gateway, model, input)
  await settleUnused(gateway, forwarding, { code: 'model.unknown', attempts: 0 })
  throw new AirworthyError('model.unknown', `the model ${input.request.model} is not enrolled`)
}

/**
 * The attempt before may have been billed, and its reservation stays as unknown: the next one is
 * decided, reserved and recorded as a call of its own. Undefined where that is not let through.
 */
async function proposeAgain(gateway: Gateway, before: Forwarding): Promise<Forwarding | undefined> {
  const { input: first, prepared } = before
  // What a person approved was one call.
  if (first.resume !== undefined) return undefined
  const input = { ...first, callId: randomUUIDv7(), retryOf: before.result.callId }
  const placed = await placeModelCall(gateway, input, { modelName: prepared.model?.name })
  if (placed.result.kind !== 'proceed') return undefined
  return { ...before, ...placed, input, result: placed.result }
}
