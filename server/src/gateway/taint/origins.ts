// Where the arguments of a tool call came from: looked for in what the session has read so far.
import { digestFragment, findFragments } from '../../core/taint/digest.ts'
import { originsByArgument, wantedFragments } from '../../core/taint/match.ts'
import type { Origin, OriginsByArgument, ToolTaint } from '../../core/taint/taint.ts'
import type { TaintIntent } from '../../store/recorder/types.ts'
import { listValueOrigins } from '../../store/calls/value-origins.ts'
import type { LoadedPact } from '../pacts.ts'
import { sessionKey, type TaintStore } from './remember.ts'

/** A tool without a contract can be called where a session only observes: nothing is known of it. */
const worst = { isUntrusted: true, isPrivate: true, isOutward: true, origins: [] }

/**
 * What the agent was shown is durable, so all that it can repeat is found here, whichever gateway
 * showed it.
 */
export async function findTaint(
  store: TaintStore,
  call: {
    readonly loaded: LoadedPact
    readonly tool: { readonly taint: ToolTaint } | undefined
    readonly sessionId: string
    readonly args: Readonly<Record<string, unknown>>
  },
): Promise<TaintIntent> {
  const brings = call.tool?.taint ?? worst
  const { tracksValues } = call.loaded.pact.taint
  return { brings, origins: tracksValues ? await findOrigins(store, call) : undefined }
}

async function findOrigins(
  store: TaintStore,
  call: { readonly sessionId: string; readonly args: Readonly<Record<string, unknown>> },
): Promise<OriginsByArgument> {
  const { sessionId } = call
  const wanted = wantedFragments(call.args)
  const key = sessionKey(store, sessionId)
  const byDigest = new Map(
    [...wanted.fragments].map((fragment) => [digestFragment(key, fragment), fragment]),
  )
  const fragments = new Map<Origin, Set<string>>()
  const everything = new Set<Origin>()
  for (const read of await listValueOrigins(store.db, store.organisationId, sessionId)) {
    const found = read.origins.map((origin) => {
      const known = fragments.get(origin) ?? new Set<string>()
      fragments.set(origin, known)
      return known
    })
    if (read.isEverything) for (const origin of read.origins) everything.add(origin)
    findFragments(read.digests, byDigest, (fragment) => {
      for (const known of found) known.add(fragment)
    })
  }
  return originsByArgument(wanted, { fragments, everything })
}
