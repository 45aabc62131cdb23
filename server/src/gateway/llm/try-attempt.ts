// One attempt of a model call: an endpoint is picked and asked, and its answer awaited.
import { AirworthyError, asAirworthyError } from '../../core/errors.ts'
import type { Gateway } from '../gateway.ts'
import { type DispatchEnd, dispatchUpstream } from '../upstream/dispatch.ts'
import type { Course, Target } from './course.ts'
import type { Forwarding, Route } from './forwarding.ts'
import { settleUnused } from './settle-model-call.ts'
import { StreamRelay } from './stream-relay.ts'
import { upstreamRequest } from './upstream-request.ts'
import { upstreamWire } from './wires.ts'

export type Attempt = {
  readonly target: Target
  readonly route: Route
  readonly relay: StreamRelay | undefined
  readonly end: DispatchEnd
}

/** Throws what stops the call as a whole; it is settled then. */
export async function tryAttempt(
  gateway: Gateway,
  forwarding: Forwarding,
  course: Course,
): Promise<Attempt> {
  const { input, response } = forwarding
  const { target, route, pool, request } = await addressAttempt(gateway, forwarding, course)
  // Who did not ask for a stream is answered none.
  const relay = input.request.stream ? new StreamRelay(forwarding, route) : undefined
  const startedMs = performance.now()
  const { live } = forwarding
  const dispatched = dispatchUpstream(pool, request, {
    live,
    sink: relay,
    onReply: ({ status }) => {
      if (status < 300) target.firstByte(performance.now() - startedMs)
    },
  })
  relay?.attach(dispatched)
  // What a person approved goes on although the session is with a person.
  const forget =
    relay === undefined || input.resume !== undefined
      ? undefined
      : gateway.sessionStreams.add(input.principal.sessionId, dispatched.abort)
  const onClose = (): void => {
    if (response.writableFinished) return
    dispatched.abort(new AirworthyError('client.closed', 'the client went away'))
  }
  response.on('close', onClose)
  const [end, durable] = await Promise.allSettled([
    dispatched.end,
    // A stream may run long; its end must not be what shows that the intent failed.
    forwarding.durable.catch((error: unknown) => {
      dispatched.abort(asAirworthyError(error))
      throw error
    }),
  ])
  response.off('close', onClose)
  forget?.()
  if (durable.status === 'rejected' || end.status === 'rejected') {
    target.report({ kind: 'cancelled' })
    // Without an intent there is nothing to settle: what was dispatched is covered by the lease.
    if (durable.status === 'rejected') throw durable.reason
    if (end.status === 'rejected') throw end.reason
    throw new Error('an attempt ended in nothing')
  }
  return { target, route, relay, end: end.value }
}

/** Passes over endpoints that cannot take the call, as long as there are others. */
async function addressAttempt(gateway: Gateway, forwarding: Forwarding, course: Course) {
  for (;;) {
    const target = course.pick()
    const wire = target && upstreamWire(target.endpoint, forwarding.input.wire)
    try {
      if (target === undefined || wire === undefined) {
        const message = `no endpoint of the model serves ${forwarding.input.wire.api}`
        throw new AirworthyError('request.untranslatable', message)
      }
      const route = { endpoint: target.endpoint, wire, attempt: course.attempts }
      return { target, route, ...upstreamRequest(gateway, forwarding, { course, target, route }) }
    } catch (thrown) {
      target?.report({ kind: 'cancelled' })
      if (target !== undefined) course.ruleOut(target)
      if (target !== undefined && course.hasOther()) continue
      const { code } = asAirworthyError(thrown)
      await forwarding.durable
      await settleUnused(gateway, forwarding, { code, attempts: course.attempts - 1 })
      throw thrown
    }
  }
}
