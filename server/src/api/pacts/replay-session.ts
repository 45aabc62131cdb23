// One past session, decided again call by call under its own pacts and under another one, on the
// facts that it had. What differs is told.
import type { ReplayDifference, ReplayedSession, Verdict } from '@airworthy/sdk'
import type { Amount } from '../../core/decision/call.ts'
import { decide } from '../../core/decision/decide.ts'
import type { Decision, RecordedFacts } from '../../core/decision/decision.ts'
import { isRuleCode, pastCall, type PastRequest } from '../../core/decision/past-decision.ts'
import { FactsRebuilder, type PastEvent, pastEvents } from '../../core/decision/rebuild-facts.ts'
import type { CompiledPact } from '../../core/pact/compiled.ts'
import { type ArgumentsCheck, emptySession } from '../../core/pact/pact-tests.ts'
import { readPastCalls, type RecordedCall } from '../../store/calls/past-calls.ts'
import type { PastSession } from '../../store/calls/past-sessions.ts'
import type { Context } from '../operation.ts'
import { loadPact } from '../pacts.ts'
import { openRequest, parseOrigins, parseRecordedFacts } from './past-request.ts'

export type ReplayCandidate = {
  readonly pact: CompiledPact
  readonly check: ArgumentsCheck
}

const readAheadMax = 8

type Skipped = { -readonly [Name in keyof ReplayedSession['skipped']]: number }

export async function replaySession(
  context: Context,
  session: PastSession,
  candidate: ReplayCandidate,
): Promise<ReplayedSession> {
  const { db, organisationId } = context
  const { calls, isCut } = await readPastCalls(db, organisationId, session.sessionId)
  const replay = new SessionReplay(context, session, candidate)
  const byId = new Map(calls.map((call) => [call.callId, call]))
  const events = pastEvents(calls)
  for (let at = 0; at < events.length; at += readAheadMax) {
    const ahead = events.slice(at, at + readAheadMax)
    const requests = await Promise.all(
      ahead.map(async ({ kind, call }) =>
        kind === 'decided' ? openRequest(context.payloads, call) : undefined,
      ),
    )
    for (const [index, event] of ahead.entries()) {
      const call = byId.get(event.call.callId)
      if (call !== undefined) await replay.add(event, call, requests[index])
    }
  }
  return {
    id: session.sessionId,
    openedAt: session.openedAt.toISOString(),
    calls: calls.length,
    isCut,
    ...replay.result(),
  }
}

/** The facts of the session as each of the two pacts counts them. */
class SessionReplay {
  readonly #context: Context
  readonly #session: PastSession
  readonly #candidate: ReplayCandidate
  readonly #before: FactsRebuilder
  readonly #after: FactsRebuilder
  readonly #differences: ReplayDifference[] = []
  readonly #skipped: Skipped = { repeats: 0, refused: 0, forgotten: 0, unknown: 0 }
  #compared = 0
  #unlike = 0

  constructor(context: Context, session: PastSession, candidate: ReplayCandidate) {
    this.#context = context
    this.#session = session
    this.#candidate = candidate
    const { task, endUser, scope } = session
    const start = { ...emptySession(), task, endUser, scope }
    this.#before = new FactsRebuilder(start)
    this.#after = new FactsRebuilder(start)
  }

  result(): Omit<ReplayedSession, 'id' | 'openedAt' | 'calls' | 'isCut'> {
    return {
      compared: this.#compared,
      skipped: this.#skipped,
      unlike: this.#unlike,
      differences: this.#differences,
    }
  }

  async add(event: PastEvent, call: RecordedCall, request: PastRequest | undefined): Promise<void> {
    const { db, organisationId } = this.#context
    const own = await loadPact(db, organisationId, call.pactId)
    const { pact } = this.#candidate
    const decided = event.kind === 'decided' ? this.#decide(call, own, request) : undefined
    for (const [rebuilder, by, decision] of [
      [this.#before, own, decided?.before],
      [this.#after, pact, decided?.after],
    ] as const) {
      const tool = by.tools.get(call.action)
      const isWrite = tool !== undefined && tool.effectClass !== 'read'
      rebuilder.apply(event, { isWrite, brings: tool?.taint, after: decision?.after })
    }
  }

  /** Both decisions, where both can be taken; what they differ in is noted. */
  #decide(
    call: RecordedCall,
    own: CompiledPact,
    request: PastRequest | undefined,
  ): { before: Decision; after: Decision } | undefined {
    const skipped = this.#skipped
    if (call.state === 'repeated') {
      skipped.repeats += 1
      return undefined
    }
    const recorded = parseRecordedFacts(call.recordedFacts)
    const before = this.#decideUnder(own, { call, recorded, request, facts: this.#before })
    const after = this.#decideUnder(this.#candidate.pact, {
      call,
      recorded,
      request,
      facts: this.#after,
    })
    const isResumed = call.held !== undefined && call.state !== 'held'
    if (!isRuleCode(call.code) && !isResumed) {
      skipped.refused += 1
    } else if (typeof before === 'string' || typeof after === 'string') {
      const isForgotten = before === 'forgotten' || after === 'forgotten'
      skipped[isForgotten ? 'forgotten' : 'unknown'] += 1
    } else {
      this.#compare(call, before, { after, recorded })
    }
    return typeof before === 'string' || typeof after === 'string' ? undefined : { before, after }
  }

  #decideUnder(
    pact: CompiledPact,
    given: {
      readonly call: RecordedCall
      readonly recorded: RecordedFacts | undefined
      readonly request: PastRequest | undefined
      readonly facts: FactsRebuilder
    },
  ): Decision | 'forgotten' | 'unknown' {
    const { call, recorded, request, facts } = given
    const origins = parseOrigins(call.origins) ?? recorded?.origins
    const { task } = this.#session
    const amount = call.amount ?? amountOfRecord(recorded)
    const effectClass = recorded?.effect
    const made = pastCall(call, { pact, task, request, amount, origins, effectClass })
    if (made.kind !== 'ok') return made.kind
    const invalid = this.#invalidArguments(pact, call, request)
    if (invalid !== undefined) return invalid
    const agent = { name: pact.agent.name, stakes: pact.agent.stakes }
    // The facts of a call that was held are those of its approval, by then it was another time.
    const nowMs = call.held === undefined ? (recorded?.nowMs ?? call.atMs) : call.atMs
    const { escalation, signals } = recorded ?? {}
    // What models said and what the agent had done is not counted again: it is as it was recorded.
    const session = escalation === undefined ? facts.facts : { ...facts.facts, escalation }
    return decide(made.call, pact, { session, agent, nowMs, signals })
  }

  /** Against the schema of then the record knows the answer; against that of now it is asked. */
  #invalidArguments(
    pact: CompiledPact,
    call: RecordedCall,
    request: PastRequest | undefined,
  ): Decision | undefined {
    if (pact !== this.#candidate.pact) {
      const isInvalid = call.code === 'tool.arguments_invalid'
      return isInvalid ? refused('as it was recorded') : undefined
    }
    const isTool = request?.kind === 'tool'
    const reason = isTool ? this.#candidate.check(call.action, request.args) : undefined
    return reason === undefined ? undefined : refused(reason)
  }

  #compare(
    call: RecordedCall,
    before: Decision,
    { after, recorded }: { after: Decision; recorded: RecordedFacts | undefined },
  ): void {
    this.#compared += 1
    if (before.verdict !== call.verdict) this.#unlike += 1
    if (before.verdict === after.verdict) return
    const amount = call.amount ?? amountOfRecord(recorded)
    this.#differences.push({
      call: call.callId,
      kind: call.kind === 'model' ? 'model' : 'tool',
      action: call.action,
      at: new Date(call.atMs).toISOString(),
      before: before.verdict,
      after: after.verdict,
      code: after.code ?? null,
      rules: decisiveRules(before, after),
      amount:
        amount === undefined
          ? null
          : { minorUnits: String(amount.minorUnits), currency: amount.currency },
      costNanoUsd: call.kind === 'model' ? (call.costNanoUsd ?? null) : null,
      isFirst: this.#differences.length === 0,
    })
  }
}

function refused(reason: string): Decision {
  return {
    verdict: 'deny',
    code: 'tool.arguments_invalid',
    reasons: [{ rule: 'schema', verdict: 'deny', reason }],
  }
}

const strictness: Readonly<Record<Verdict, number>> = { allow: 0, hold: 1, deny: 2 }

/** Of the stricter of the two: what speaks now, or what spoke and is silent. */
function decisiveRules(before: Decision, after: Decision): string[] {
  const { verdict, reasons } =
    strictness[after.verdict] > strictness[before.verdict] ? after : before
  return reasons.filter((reason) => reason.verdict === verdict).map((reason) => reason.rule)
}

function amountOfRecord(recorded: RecordedFacts | undefined): Amount | undefined {
  const amount = recorded?.amount
  if (amount === undefined) return undefined
  return { minorUnits: BigInt(amount.minorUnits), currency: amount.currency }
}
