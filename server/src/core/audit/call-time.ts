// Ids of calls are UUIDv7 (RFC 9562): their first 48 bits are the milliseconds of their making, so a
// time is a place in the order of calls.

/** The smallest id that a call of this millisecond, or a later one, can have. */
export function firstCallIdAt(ms: number): string {
  const hex = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-0000-0000-000000000000`
}

/** When the call was made, by the clock of the gateway that made it. */
export function timeOfCallId(callId: string): number {
  return Number.parseInt(callId.slice(0, 8) + callId.slice(9, 13), 16)
}
