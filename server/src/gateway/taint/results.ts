// Results of tools, as the agent sees them, become what its session has read.
import { parseExactJson } from '../../core/canonical.ts'
import type { ToolTaint } from '../../core/taint/taint.ts'
import type { RememberedValues } from '../../store/recorder/types.ts'
import { findKnownSources, insertValueOrigins } from '../../store/calls/value-origins.ts'
import type { LoadedPact } from '../pacts.ts'
import { rememberValue, sourceOf, type TaintStore } from './remember.ts'

/** The part of a tool's reply that the agent is shown. */
export type ShownResult = {
  readonly content: readonly object[]
  readonly structuredContent?: unknown
}

/** How a call ended, as far as the agent is told. */
type ShownEnd =
  | { readonly kind: 'result'; readonly result: ShownResult }
  | { readonly kind: 'failed' | 'unknown'; readonly error: Error }

type Reading = {
  readonly prepared: {
    readonly loaded: LoadedPact
    readonly tool: { readonly taint: ToolTaint } | undefined
    readonly intent: { readonly action: string }
  }
  readonly sessionId: string
  readonly callId: string
}

/** What to write with the outcome; undefined where the pact has no use for it. */
export async function rememberEnd(
  store: TaintStore,
  end: ShownEnd,
  reading: Reading,
): Promise<RememberedValues | undefined> {
  if (!reading.prepared.loaded.pact.taint.tracksValues) return undefined
  // An error's text comes from the tool's server as well.
  const content = end.kind === 'result' ? shownValues(end.result) : end.error.message
  return rememberValue(store, { ...describe(store, content, reading), content })
}

/**
 * A result that was stored before, perhaps by another session of the agent, is read anew; it is
 * durable when this resolves.
 */
export async function rememberRepeat(
  store: TaintStore,
  result: ShownResult,
  reading: Reading,
): Promise<void> {
  if (!reading.prepared.loaded.pact.taint.tracksValues) return
  const { db, organisationId } = store
  const content = shownValues(result)
  const value = { ...describe(store, content, reading), content }
  const { sessionId, source } = value
  const known = await findKnownSources(db, organisationId, { sessionId, sources: [source] })
  if (known.size > 0) return
  await insertValueOrigins(db, organisationId, [await rememberValue(store, value)])
}

function describe(
  store: TaintStore,
  content: unknown,
  { prepared, sessionId, callId }: Reading,
): Pick<RememberedValues, 'sessionId' | 'source' | 'origins'> {
  const origins = prepared.tool?.taint.origins ?? [`tool:${prepared.intent.action}`]
  // The outcome of a call may be found out later, and then say something else.
  const source = sourceOf(store, `${callId} ${JSON.stringify(content)}`)
  return { sessionId, source, origins }
}

/** Text that is JSON is taken apart, so that its values are found whole; pictures say no words. */
function shownValues(result: ShownResult): unknown[] {
  const parts = result.content.map((part) => {
    if ('text' in part && typeof part.text === 'string') return parseText(part.text)
    return 'data' in part ? undefined : part
  })
  return [...parts, result.structuredContent]
}

function parseText(text: string): unknown {
  const parsed = parseExactJson(text)
  return parsed.kind === 'invalid' ? text : parsed.value
}
