// The words of taint: where values come from, and what a session has read.

/** `user`, `system`, `web`, `tool:<server>/<tool>`; `unknown` is what is found nowhere. */
export type Origin = string

export const unknownOrigin: Origin = 'unknown'

/** By the name of a top-level argument: everything its values may have come from, sorted. */
export type OriginsByArgument = Readonly<Record<string, readonly Origin[]>>

/** Origins as a rule reads them. Where none are known at all, every argument's is missing. */
export type ReadOrigins = (origins: OriginsByArgument | undefined) => object

/** What a call of a tool brings into its session, and whether it carries data out. */
export type ToolTaint = {
  /** Its result may hold what an outsider wrote. */
  readonly isUntrusted: boolean
  /** Its result is not meant for the public. */
  readonly isPrivate: boolean
  /** A call of it sends data out of the organisation. */
  readonly isOutward: boolean
  /** The origins of the values in its result. */
  readonly origins: readonly Origin[]
}

export type PactTaint = {
  readonly trifecta: 'hold' | 'deny' | 'off'
  /** Whether the gateway has to remember where values came from. */
  readonly tracksValues: boolean
}

/**
 * The first calls that brought untrusted content or private data into a session, each as
 * `<call id> <server/tool>`. They are added when a call is placed, and never taken away.
 */
export type TaintFacts = {
  readonly untrusted: readonly string[]
  readonly private: readonly string[]
}

export const noTaint: TaintFacts = { untrusted: [], private: [] }

/** The facts lie in a row that is written with every batch: two calls are proof enough. */
const callsNamedMax = 2

/** The facts after a call was placed: in flight counts as read. */
export function addTaint(
  facts: TaintFacts,
  call: { readonly callId: string; readonly action: string; readonly brings: ToolTaint },
): TaintFacts {
  const { brings } = call
  const name = `${call.callId} ${call.action}`
  const add = (calls: readonly string[], isBrought: boolean): readonly string[] =>
    isBrought && calls.length < callsNamedMax && !calls.includes(name) ? [...calls, name] : calls
  const untrusted = add(facts.untrusted, brings.isUntrusted)
  const secret = add(facts.private, brings.isPrivate)
  const isSame = untrusted === facts.untrusted && secret === facts.private
  return isSame ? facts : { untrusted, private: secret }
}
