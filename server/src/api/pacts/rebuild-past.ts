// What a recorded decision knew: the call as it was asked, the facts as they were. Recorded facts
// stand for themselves; the others are counted again from the calls of the session.
import type { ExplainedRule } from '@airworthy/sdk'
import type { Call } from '../../core/decision/call.ts'
import type { RecordedFacts } from '../../core/decision/decision.ts'
import type { Facts, SessionFacts } from '../../core/decision/facts.ts'
import { isRuleCode, pastCall, withRecorded } from '../../core/decision/past-decision.ts'
import { FactsRebuilder, type PastEvent, pastEvents } from '../../core/decision/rebuild-facts.ts'
import { rulesAbout } from '../../core/decision/recorded-facts.ts'
import type { CompiledPact } from '../../core/pact/compiled.ts'
import { emptySession } from '../../core/pact/pact-tests.ts'
import type { CallRow } from '../../store/calls/calls.ts'
import { pastCallsMax, readPastCalls, type RecordedCall } from '../../store/calls/past-calls.ts'
import { findPastSession } from '../../store/calls/past-sessions.ts'
import type { Context } from '../operation.ts'
import { loadPact } from '../pacts.ts'
import { openRequest, parseOrigins, parseRecordedFacts } from './past-request.ts'

export type PastKnown = {
  /** Undefined where it cannot be decided again; a note says why. */
  readonly call: Call | undefined
  readonly facts: Facts
  readonly recorded: RecordedFacts | undefined
  /** Whether rules gave the recorded verdict. */
  readonly isByRules: boolean
  readonly notes: readonly string[]
  readonly sourceOf: (read: string) => ExplainedRule['reads'][number]['source']
}

/** The decision that stands in the record: of a call that was approved, the one at its approval. */
export async function rebuildPast(
  context: Context,
  row: CallRow,
  pact: CompiledPact,
): Promise<PastKnown> {
  const { db, organisationId, payloads } = context
  const session = await findPastSession(db, organisationId, row.sessionId)
  const { calls, isCut } = await readPastCalls(db, organisationId, row.sessionId)
  const past = calls.find((call) => call.callId === row.callId)
  const { task = '', endUser = '', scope } = session ?? {}
  const start = { ...emptySession(), task, endUser, scope }
  const rebuilt = await factsAt(context, { start, calls, target: past })
  const recorded = parseRecordedFacts(past?.recordedFacts)
  const agent = { name: pact.agent.name, stakes: pact.agent.stakes }
  const nowMs = recorded?.nowMs ?? row.createdAt.getTime()
  const { signals } = recorded ?? {}
  const facts: Facts = { session: withRecorded(rebuilt, recorded), agent, nowMs, signals }
  const notes: string[] = []
  if (isCut) notes.push(`only ${pastCallsMax} calls of the session were read`)
  const known = { ...row, kind: kindOf(row.kind) }
  const noted = noteDecision(known, past)
  notes.push(...noted.notes)
  const base = { facts, recorded, isByRules: noted.isByRules, sourceOf: sourceOf(recorded) }
  if (known.kind === 'undo' || row.state === 'repeated') return { ...base, call: undefined, notes }
  const request = await openRequest(payloads, row)
  const amount = past?.amount ?? amountOf(recorded)
  const origins = parseOrigins(past?.origins) ?? recorded?.origins
  const effectClass = recorded?.effect
  const made = pastCall(known, { pact, task, request, amount, origins, effectClass })
  if (made.kind === 'forgotten')
    notes.push('its arguments are forgotten, so it cannot be asked again')
  if (made.kind === 'unknown') notes.push(`the record does not hold ${made.what}`)
  const call = made.kind === 'ok' ? made.call : undefined
  if (call !== undefined) notes.push(...unrebuilt(call, { pact, task, recorded }))
  return { ...base, call, notes }
}

function kindOf(kind: string): RecordedCall['kind'] {
  return kind === 'model' || kind === 'undo' ? kind : 'tool'
}

function noteDecision(
  row: { readonly kind: string; readonly code: string | null; readonly state: string },
  past: RecordedCall | undefined,
): { readonly isByRules: boolean; readonly notes: readonly string[] } {
  if (row.kind === 'undo') return { isByRules: false, notes: ['an undo is decided by no rule'] }
  if (row.state === 'repeated') {
    return { isByRules: false, notes: ['it was answered from the record: no rule was asked'] }
  }
  const notes: string[] = []
  const code = past?.code
  const isByRules = isRuleCode(code) && code !== 'tool.arguments_invalid'
  if (!isByRules) notes.push(`${code ?? ''} was found beside the rules, which cannot allow it`)
  const isResumed = past?.held !== undefined && past.state !== 'held'
  if (isResumed) {
    notes.push('it was held first; this is the decision at its approval, when a hold goes on')
  }
  return { isByRules, notes }
}

/** Facts that are no sums of calls: they are known only where the decision recorded them. */
function unrebuilt(
  call: Call,
  known: {
    readonly pact: CompiledPact
    readonly task: string
    readonly recorded: RecordedFacts | undefined
  },
): string[] {
  if (known.recorded !== undefined) return []
  const bounds = rulesAbout(call, known.pact, known.task)
  const reads = new Set(bounds.flatMap((bound) => bound.reads ?? []))
  const lost = ['session.flow', 'session.repeats'].filter((name) => reads.has(name))
  if (known.pact.writeFlow !== undefined && !lost.includes('session.flow'))
    lost.push('session.flow')
  return lost.length === 0 ? [] : [`${lost.join(' and ')} cannot be rebuilt from the record`]
}

function amountOf(recorded: RecordedFacts | undefined) {
  const amount = recorded?.amount
  if (amount === undefined) return undefined
  return { minorUnits: BigInt(amount.minorUnits), currency: amount.currency }
}

function sourceOf(recorded: RecordedFacts | undefined): PastKnown['sourceOf'] {
  return (read) => {
    const [root = '', field = ''] = read.split(/[.[]/)
    if (root === 'agent') return 'pact'
    if (root === 'now') return 'recorded'
    if (root !== 'session') return 'call'
    // They lie in the session's own row, which does not change.
    if (['task', 'endUser', 'scope'].includes(field)) return 'recorded'
    return recorded === undefined ? 'rebuilt' : 'recorded'
  }
}

/** The facts just before the decision that stands in the record. */
async function factsAt(
  context: Context,
  session: {
    readonly start: SessionFacts
    readonly calls: readonly RecordedCall[]
    readonly target: RecordedCall | undefined
  },
): Promise<SessionFacts> {
  const { db, organisationId } = context
  const { start, calls, target } = session
  const rebuilder = new FactsRebuilder(start)
  const events = pastEvents(calls)
  const isResumed = target?.held !== undefined && target.state !== 'held'
  const kind: PastEvent['kind'] = isResumed ? 'resumed' : 'decided'
  for (const event of events) {
    if (event.call.callId === target?.callId && event.kind === kind) break
    const pact = await loadPact(db, organisationId, event.call.pactId)
    const tool = pact.tools.get(event.call.action)
    const isWrite = tool !== undefined && tool.effectClass !== 'read'
    rebuilder.apply(event, { isWrite, brings: tool?.taint, after: undefined })
  }
  return rebuilder.facts
}
