// Waits for a condition, never for a time: a test that sleeps is either slow or wrong.
import { setTimeout as sleep } from 'node:timers/promises'

const withinMsDefault = 15_000
const everyMs = 10

/** Asks until the answer is not undefined or false. Throws after the bound, naming what it awaited. */
export async function until<Found>(
  what: string,
  ask: () => Promise<Found | undefined | false> | Found | undefined | false,
  withinMs: number = withinMsDefault,
): Promise<Found> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const found = await ask()
    if (found !== undefined && found !== false) return found
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms for ${what}`)
    await sleep(everyMs)
  }
}

/** A door that a test opens: whoever passes it waits until then. */
export type Gate = { readonly passed: Promise<void>; readonly open: () => void }

export function createGate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { passed: promise, open: () => resolve() }
}
