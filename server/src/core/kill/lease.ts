// The lease of a gateway: how long it may dispatch without having heard that nothing was killed.
// A kill is published with this bound; a gateway that cannot hear stops by itself when it is over.

/** By the database's clock, from the renewal. */
export const leaseMs = 3000
/**
 * A gateway stops this much before the database counts its lease as over: for what lies between
 * the last look at the clock and the bytes on the wire, and for clocks that run apart.
 */
export const leaseMarginMs = 500
/** From one renewal to the next: with the margin, a stall of 1.5 s costs nothing. */
export const renewEveryMs = 1000
/** A renewal that takes longer has failed, and is asked again on a new connection. */
export const renewTimeoutMs = 1500
/** A call that finds no lease waits this long for one before it is refused. */
export const leaseWaitMs = 1000
/** Streams stand still while there is no lease; after this they are cut. */
export const cutAfterMs = 10_000
/** A command waits so long for its acknowledgement; afterwards a job goes on. */
export const acknowledgeWaitMsMax = 10_000

/** Milliseconds of two clocks: one that never jumps, and one that also counts while a machine sleeps. */
export type Clocks = { readonly monotonicMs: number; readonly wallMs: number }

/** When a lease ends that was asked for at `sent`: before the renewal left, so never too late. */
export function leaseEnd(sent: Clocks): Clocks {
  const usableMs = leaseMs - leaseMarginMs
  return { monotonicMs: sent.monotonicMs + usableMs, wallMs: sent.wallMs + usableMs }
}

export const noLease: Clocks = { monotonicMs: -Infinity, wallMs: -Infinity }

/** Both must say so: a wall clock may be set back, and the other stands still in a sleeping machine. */
export function isLeased(end: Clocks, now: Clocks): boolean {
  return now.monotonicMs < end.monotonicMs && now.wallMs < end.wallMs
}

/** A gateway as the database knows it when it judges whether a kill is in force everywhere. */
export type GatewayStanding = {
  readonly confirmedEpoch: bigint
  /** By the database's own clock. */
  readonly isLeaseOver: boolean
}

/** Every gateway has confirmed the kill, or has stopped because its lease is over. */
export function isAcknowledged(epoch: bigint, gateways: readonly GatewayStanding[]): boolean {
  return gateways.every((each) => each.confirmedEpoch >= epoch || each.isLeaseOver)
}
