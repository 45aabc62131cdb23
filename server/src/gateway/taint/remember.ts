// Remembers what a session has read: as keyed digests of its words and pairs of words, so that a
// piece of it is known again when it comes back in an argument.
import { setImmediate } from 'node:timers/promises'
import { digestFragment, packDigests } from '../../core/taint/digest.ts'
import { sourceFragments } from '../../core/taint/source.ts'
import type { Origin } from '../../core/taint/taint.ts'
import type { RememberedValues } from '../../store/recorder/types.ts'
import { hasRoom } from '../../store/calls/value-origins.ts'
import type { Gateway } from '../gateway.ts'

export type TaintStore = Pick<Gateway, 'db' | 'organisationId' | 'vault'>

/** Digests made at a stretch, some 4 ms of them: other calls wait meanwhile. */
const digestsAtOnce = 1000

/** Binds the digests to one session: those of two sessions cannot be compared. */
export function sessionKey({ vault }: TaintStore, sessionId: string): Buffer {
  return Buffer.from(vault.digest(`taint ${sessionId}`), 'hex')
}

/** A keyed digest of any text, as a uuid: the same text is remembered once a session. */
export function sourceOf({ vault }: TaintStore, text: string): string {
  const digest = vault.digest(`taint source ${text}`)
  return digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')
}

/** What is to be written for a value. Beyond the session's bound everything may come from it. */
export async function rememberValue(
  store: TaintStore,
  value: {
    readonly sessionId: string
    readonly source: string
    readonly origins: readonly Origin[]
    readonly content: unknown
    /** Of the session, computed and not yet written. */
    readonly bytesPending?: number
  },
): Promise<RememberedValues> {
  const { sessionId, source, origins } = value
  const { fragments, isEverything } = sourceFragments(value.content)
  const digests = packDigests(await digestAll(sessionKey(store, sessionId), [...fragments]))
  const room = { sessionId, bytes: digests.length + (value.bytesPending ?? 0) }
  if (await hasRoom(store.db, store.organisationId, room)) {
    return { sessionId, source, origins, digests, isEverything }
  }
  // One row for each list of origins, however much is read from now on.
  const full = sourceOf(store, `full ${origins.join(' ')}`)
  return { sessionId, source: full, origins, digests: Buffer.alloc(0), isEverything: true }
}

async function digestAll(key: Buffer, fragments: readonly string[]): Promise<number[]> {
  const digests: number[] = []
  for (const fragment of fragments) {
    if (digests.length > 0 && digests.length % digestsAtOnce === 0) await setImmediate()
    digests.push(digestFragment(key, fragment))
  }
  // In an order that says nothing of the text.
  return digests.toSorted((a, b) => a - b)
}
