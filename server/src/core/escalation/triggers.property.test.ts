import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import type { ToolCall } from '../decision/call.ts'
import { decide } from '../decision/decide.ts'
import { compiled, exampleFacts, exampleManifest } from '../pact/example.test-data.ts'
import type { CompiledPact } from '../pact/compiled.ts'
import type { Facts } from '../decision/facts.ts'
import type { Manifest } from '../pact/manifest.ts'

const strictness = { allow: 0, hold: 1, deny: 2 }

type Escalation = NonNullable<Manifest['pact']['escalation']>

/** A list with one of these. */
function listOf<const Name extends string>(...names: Name[]): fc.Arbitrary<Name[]> {
  return fc.constantFrom(...names).map((name) => [name])
}

const then = fc.constantFrom('hold' as const, 'handover' as const)
const tools = fc.option(listOf('retail/*', 'retail/pay', 'retail/get_*'), {
  nil: undefined,
})
const probability = fc.double({ min: 0, max: 1, noNaN: true })
// oxlint-disable-next-line unicorn/no-thenable -- the manifest's word; it is a text, no function
const common = { then, tools }
const optional = { nil: undefined }

const escalations: fc.Arbitrary<Escalation> = fc.record({
  materiality: fc.option(
    fc.record({
      ...common,
      amounts: fc.constantFrom({ USD: 1 }, { USD: 5000 }, { EUR: 1 }),
      writes: fc.option(fc.nat(3), optional),
      dataClasses: listOf('address'),
    }),
    optional,
  ),
  confidence: fc.option(
    fc.record({
      ...common,
      models: fc.constant(undefined),
      statement: fc.option(fc.record({ path: fc.constant('sure'), min: probability }), optional),
      argument: fc.option(fc.record({ name: fc.constant('sure'), min: probability }), optional),
      logprobs: fc.record({ min: probability }),
      scorer: fc.constant(undefined),
      missing: fc.constantFrom('hold' as const, 'ignore' as const),
    }),
    optional,
  ),
  competence: fc.option(
    fc.record({
      ...common,
      provenTasks: fc.constantFrom({}, { 'task-1': { passed: 20, of: 20 } }),
      minPassRate: probability,
      minRuns: fc.integer({ min: 1, max: 30 }),
    }),
    optional,
  ),
  firstEncounter: fc.option(
    fc.record({
      ...common,
      of: listOf('tool', 'arguments', 'task'),
      counterparties: fc.constant(undefined),
      learning: fc.constantFrom({ calls: 10, days: 1 }, undefined),
    }),
    optional,
  ),
  doubt: fc.option(
    fc.record({
      ...common,
      tool: fc.boolean(),
      phrases: fc.constant(undefined),
      fields: listOf('needs_human'),
      models: fc.constant(undefined),
    }),
    optional,
  ),
  anomaly: fc.option(
    fc.record({
      ...common,
      measures: listOf('calls', 'spend'),
      deviations: fc.constant(4),
      minHours: fc.constant(24),
      atLeast: fc.constant({ calls: 20, spendUsd: '0.10' }),
      models: fc.boolean(),
    }),
    optional,
  ),
  taint: fc.option(
    fc.record({
      ...common,
      after: fc.constantFrom(
        'untrusted' as const,
        'private' as const,
        'either' as const,
        'both' as const,
      ),
    }),
    optional,
  ),
})

const facts: fc.Arbitrary<Facts> = fc
  .record({
    writes: fc.nat(4),
    found: fc.nat(1),
    taint: fc.constantFrom(
      undefined,
      { untrusted: ['c t'], private: [] },
      {
        untrusted: ['c t'],
        private: ['c t'],
      },
    ),
    escalation: fc.option(
      fc.record({
        confidence: fc.constantFrom(undefined, { stated: 0.5 }, { stated: 1, logprobs: 0.1 }),
        doubt: fc.constantFrom(undefined, { source: 'phrase' as const }),
      }),
      optional,
    ),
    signals: fc.option(
      fc.record({
        unseen: fc.subarray(['tool', 'arguments', 'counterparty', 'task'] as const),
        isLearning: fc.boolean(),
        anomalies: fc.subarray(['calls', 'spend'] as const),
      }),
      optional,
    ),
  })
  .map(({ writes, found, taint, escalation, signals }) => ({
    ...exampleFacts,
    signals,
    session: {
      ...exampleFacts.session,
      writes,
      taint,
      escalation,
      tools: {
        'retail/find_user_id_by_email': { made: 1, done: found, failed: 0, unknown: 0 },
      },
    },
  }))

const calls: fc.Arbitrary<ToolCall> = fc.record({
  kind: fc.constant('tool' as const),
  server: fc.constant('retail'),
  tool: fc.constantFrom('pay', 'cancel_pending_order', 'get_order_details', 'drop_everything'),
  effectClass: fc.constantFrom('read' as const, 'reversible' as const, 'irreversible' as const),
  args: fc.dictionary(
    fc.constantFrom('amount', 'sure', 'needs_human'),
    fc.constantFrom(0, 0.5, true),
  ),
  amount: fc.constantFrom(
    undefined,
    { minorUnits: 100n, currency: 'USD' },
    { minorUnits: 30000n, currency: 'USD' },
  ),
})

const plain = exampleManifest()
const plainPact = compiled(plain)

function withTriggers(escalation: Escalation): CompiledPact {
  return compiled({ ...plain, pact: { ...plain.pact, escalation } })
}

suite('laws of triggers', () => {
  test('no trigger ever loosens a verdict, or takes a reason away', () => {
    fc.assert(
      fc.property(escalations, calls, facts, (escalation, call, known) => {
        const before = decide(call, plainPact, known)
        const after = decide(call, withTriggers(escalation), known)
        assert(strictness[after.verdict] >= strictness[before.verdict])
        assert.deepEqual(after.reasons.slice(0, before.reasons.length), before.reasons)
        if (before.verdict === 'deny') assert.equal(after.code, before.code)
      }),
      { numRuns: 500 },
    )
  })

  test('one trigger more never loosens what the others decided', () => {
    fc.assert(
      fc.property(escalations, escalations, calls, facts, (one, other, call, known) => {
        const merged: Escalation = { ...one }
        for (const [name, value] of Object.entries(other)) {
          if (Reflect.get(merged, name) === undefined) Reflect.set(merged, name, value)
        }
        const before = decide(call, withTriggers(one), known)
        const after = decide(call, withTriggers(merged), known)
        assert(strictness[after.verdict] >= strictness[before.verdict])
        if (before.handsOver === true) assert.equal(after.handsOver, true)
      }),
      { numRuns: 300 },
    )
  })

  test('a call is held by triggers exactly where one of them is met and holds', () => {
    fc.assert(
      fc.property(escalations, calls, facts, (escalation, call, known) => {
        const before = decide(call, plainPact, known)
        const after = decide(call, withTriggers(escalation), known)
        const isHeld = after.firings?.some((firing) => firing.consequence !== 'record') === true
        assert.equal(after.verdict, before.verdict === 'allow' && isHeld ? 'hold' : before.verdict)
      }),
      { numRuns: 500 },
    )
  })

  test('a pact without triggers decides as if there were none, whatever is remembered', () => {
    fc.assert(
      fc.property(calls, facts, (call, known) => {
        const { signals: _signals, ...rest } = known
        const forgotten = { ...rest, session: { ...known.session, escalation: undefined } }
        assert.deepEqual(decide(call, plainPact, known), decide(call, plainPact, forgotten))
        assert.equal(decide(call, plainPact, known).firings, undefined)
      }),
    )
  })
})
