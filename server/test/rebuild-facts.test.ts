// What a replay counts from the record is what the recorder knew under its lock: random work of a
// session, some of it at once, with the real recorder on a real PostgreSQL.
import assert from 'node:assert/strict'
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import { noAmounts, oneCall } from '../src/core/budget/budget.ts'
import type { Decision, Verdict } from '../src/core/decision/decision.ts'
import type { SessionFacts } from '../src/core/decision/facts.ts'
import { FactsRebuilder, pastEvents } from '../src/core/decision/rebuild-facts.ts'
import { emptySession } from '../src/core/pact/pact-tests.ts'
import { readPastCalls } from '../src/store/calls/past-calls.ts'
import { Recorder } from '../src/store/recorder/recorder.ts'
import type { EffectIntent, Intent, Outcome, Principal } from '../src/store/recorder/types.ts'
import { enrolDesk, startApi } from './api/api-server.ts'

const api = await startApi()
after(() => api[Symbol.asyncDispose]())
const enrolled = await enrolDesk(api, (text) => text.replace('calls: 50,', 'calls: 1000,'))
const { keys } = await api.client.getAgent('desk')
const recorder = await Recorder.start({
  databaseUrl: api.databaseUrl,
  organisationId: api.organisationId,
  newId: randomUUIDv7,
  onConnected: () => undefined,
  log: () => undefined,
})
after(() => recorder[Symbol.asyncDispose]())

type Step = {
  readonly tool: 'model' | 'shop/get_order' | 'shop/cancel_order'
  readonly verdict: Verdict
  readonly outcome: Outcome['state']
  /** An unknown outcome is found out, a held call approved; some never are. */
  readonly goesOn: boolean
  readonly resolved: 'done' | 'failed'
}

const stepArbitrary: fc.Arbitrary<Step> = fc.record({
  tool: fc.constantFrom('model', 'shop/get_order', 'shop/cancel_order'),
  verdict: fc.constantFrom('allow', 'allow', 'allow', 'hold', 'deny'),
  outcome: fc.constantFrom('done', 'done', 'failed', 'unknown'),
  goesOn: fc.boolean(),
  resolved: fc.constantFrom('done', 'failed'),
})

/** What the session's facts were when a call was decided; a held call is decided twice. */
type Seen = Map<string, SessionFacts[]>

function copy(facts: SessionFacts): SessionFacts {
  return structuredClone(facts)
}

function decisionOf(verdict: Verdict): Decision {
  if (verdict === 'allow') return { verdict, code: undefined, reasons: [] }
  const code = verdict === 'hold' ? 'call.held' : 'policy.denied'
  return { verdict, code, reasons: [{ rule: 'r', verdict, reason: '' }] }
}

function intentOf(
  session: { principal: Principal; pactId: string },
  step: Step,
  seen: Seen,
): Intent {
  const callId = randomUUIDv7()
  const isModel = step.tool === 'model'
  const isWrite = step.tool === 'shop/cancel_order'
  const effect: EffectIntent = {
    effectClass: isWrite ? 'irreversible' : 'read',
    key: callId,
    argsHash: callId,
    windowMs: undefined,
    amountMinor: undefined,
    currency: undefined,
  }
  const amounts = {
    ...oneCall,
    tokens: isModel ? 900n : 0n,
    nanoUsd: isModel ? 360_000n : 0n,
  }
  return {
    callId,
    principal: session.principal,
    pactId: session.pactId,
    kind: isModel ? 'model' : 'tool',
    action: isModel ? 'small' : step.tool,
    isWrite,
    reservation: amounts,
    request: { subjectId: randomBytes(32), sealed: Buffer.from('sealed'), commitment: 'c' },
    decide: (facts) => {
      seen.set(callId, [...(seen.get(callId) ?? []), copy(facts)])
      return decisionOf(step.verdict)
    },
    effect: isWrite ? effect : undefined,
    holdEffect: () => effect,
    schemaHash: '',
    holdExpiresAfterMs: 60_000,
    drift: undefined,
    resume: undefined,
    hasWaited: false,
  }
}

async function runStep(
  session: { principal: Principal; pactId: string },
  step: Step,
  seen: Seen,
): Promise<void> {
  const intent = intentOf(session, step, seen)
  let placed = await recorder.propose(intent).durable
  if (placed.kind === 'held' && step.goesOn) {
    const row = await api.db
      .selectFrom('airworthy.call_intents')
      .select('effect_id')
      .where('call_id', '=', intent.callId)
      .executeTakeFirstOrThrow()
    const resume = {
      holdId: placed.holdId,
      effectId: row.effect_id ?? '',
      pactId: session.pactId,
      schemaHash: '',
      round: 1,
      facts: undefined,
      policy: undefined,
      isApproved: true,
    }
    // As a vote leaves it.
    await api.db
      .updateTable('airworthy.holds')
      .set({ state: 'approving', approved_round: 1 })
      .where('hold_id', '=', placed.holdId)
      .execute()
    placed = await recorder.propose({ ...intent, resume }).durable
  }
  if (placed.kind !== 'proceed') return
  const isUnknown = step.outcome === 'unknown'
  const usage = { promptTokens: 60, cachedTokens: 20, completionTokens: 10 }
  const isModel = intent.kind === 'model'
  const used = isModel ? { ...oneCall, tokens: 70n, nanoUsd: 28_000n } : oneCall
  const outcome: Outcome = {
    callId: intent.callId,
    state: step.outcome,
    code: undefined,
    usage: isModel && !isUnknown ? usage : undefined,
    used: isUnknown ? undefined : used,
    response: undefined,
    resolvedBy: undefined,
  }
  await recorder.settle(outcome)
  if (!isUnknown || !step.goesOn) return
  const { resolved: state } = step
  await recorder.settle({ ...outcome, state, used: noAmounts, resolvedBy: 'operator' })
}

test('the facts of every decision can be counted again from the record', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(stepArbitrary, { minLength: 1, maxLength: 6 }), { maxLength: 6 }),
      async (rounds) => {
        const { session } = await api.client.openSession({ agent: 'desk' })
        const principal: Principal = {
          agentId: enrolled.agent.id,
          agentName: 'desk',
          stakes: 'medium',
          apiKeyId: keys[0]?.id ?? '',
          sessionId: session.id,
          versionId: session.versionId,
          task: '',
          endUser: '',
          mode: 'enforce',
          modelBaseUrl: undefined,
        }
        const seen: Seen = new Map()
        for (const steps of rounds) {
          await Promise.all(
            steps.map((step) => runStep({ principal, pactId: session.pactId }, step, seen)),
          )
        }
        await compare(session.id, seen)
      },
    ),
    { numRuns: 15 },
  )
})

async function compare(sessionId: string, seen: Seen): Promise<void> {
  const { calls } = await readPastCalls(api.db, api.organisationId, sessionId)
  const rebuilder = new FactsRebuilder(emptySession())
  let compared = 0
  for (const event of pastEvents(calls)) {
    const { callId, action } = event.call
    if (event.kind === 'decided' || event.kind === 'resumed') {
      const facts = seen.get(callId)?.[event.kind === 'decided' ? 0 : 1]
      assert.deepEqual(comparable(rebuilder.facts), facts && comparable(facts), event.kind)
      compared += 1
    }
    const isWrite = action === 'shop/cancel_order'
    rebuilder.apply(event, { isWrite, brings: undefined, after: undefined })
  }
  assert.equal(compared, [...seen.values()].flat().length, 'every decision was found again')
}

/** Of a session without data scopes, flows and taint. */
function comparable(facts: SessionFacts): Partial<SessionFacts> {
  const { scope: _scope, flow: _flow, recent: _recent, taint: _taint, ...counted } = facts
  return counted
}
