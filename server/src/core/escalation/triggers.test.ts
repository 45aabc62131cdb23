import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { ToolCall } from '../decision/call.ts'
import { decide } from '../decision/decide.ts'
import type { SessionFacts } from '../decision/facts.ts'
import { compiled, exampleFacts, exampleManifest } from '../pact/example.test-data.ts'
import type { CompiledPact } from '../pact/compiled.ts'
import { mayHoldByTrigger } from './may-hold.ts'
import type { Confidence, Signals } from './escalation.ts'

/** A pact whose rules allow the calls below, with these triggers. */
function pactWith(escalation: string, ...changes: (readonly [string, string])[]): CompiledPact {
  return compiled(exampleManifest(['pact:\n', `pact:\n  escalation: ${escalation}\n`], ...changes))
}

const cancel: ToolCall = {
  kind: 'tool',
  server: 'retail',
  tool: 'cancel_pending_order',
  effectClass: 'reversible',
  args: { order_id: '#W1', user_id: 'mei' },
  amount: { minorUnits: 5000n, currency: 'USD' },
}

const read: ToolCall = {
  kind: 'tool',
  server: 'retail',
  tool: 'get_order_details',
  effectClass: 'read',
  args: { order_id: '#W1' },
  amount: undefined,
}

type Case = {
  readonly name: string
  readonly escalation: string
  readonly call?: ToolCall
  readonly session?: Partial<SessionFacts>
  readonly signals?: Signals
  /** `trigger: codes`; undefined where nothing is met. */
  readonly fires: string | undefined
  readonly changes?: readonly (readonly [string, string])[]
}

const quiet: Signals = { unseen: [], isLearning: false, anomalies: [] }
const taint = (untrusted: boolean, secret: boolean): Partial<SessionFacts> => ({
  taint: { untrusted: untrusted ? ['c t'] : [], private: secret ? ['c t'] : [] },
})
const known = (confidence: Confidence): Partial<SessionFacts> => ({
  escalation: { confidence },
})
const pays = (minorUnits: bigint): ToolCall => ({
  ...cancel,
  amount: { minorUnits, currency: 'USD' },
})
const classes = [
  'retail/get_order_details: { effect: read }',
  'retail/get_order_details: { effect: read, dataClasses: [address] }',
] as const

const cases: readonly Case[] = [
  {
    name: 'an amount of the limit',
    escalation: '{ materiality: { amounts: { USD: 5000 } } }',
    fires: 'materiality: amount',
  },
  {
    name: 'an amount below the limit',
    escalation: '{ materiality: { amounts: { USD: 5001 } } }',
    fires: undefined,
  },
  {
    name: 'money that comes in counts like money that goes out',
    escalation: '{ materiality: { amounts: { USD: 5000 } } }',
    call: pays(-5000n),
    fires: 'materiality: amount',
  },
  {
    name: 'an amount in a currency that the pact does not name',
    escalation: '{ materiality: { amounts: { EUR: 1000000 } } }',
    fires: 'materiality: currency',
  },
  {
    name: 'a write beyond the count',
    escalation: '{ materiality: { writes: 2 } }',
    session: { writes: 2 },
    fires: 'materiality: writes',
  },
  {
    name: 'the last write of the count',
    escalation: '{ materiality: { writes: 2 } }',
    session: { writes: 1 },
    fires: undefined,
  },
  {
    name: 'a read of a material class of data',
    escalation: '{ materiality: { dataClasses: [address] } }',
    call: read,
    changes: [classes],
    fires: 'materiality: data',
  },
  {
    name: 'a read of another class of data',
    escalation: '{ materiality: { dataClasses: [health] } }',
    call: read,
    changes: [classes],
    fires: undefined,
  },
  {
    name: 'a model that said less than the minimum',
    escalation: '{ confidence: { statement: { path: confidence, min: 0.8 } } }',
    session: known({ stated: 0.79 }),
    fires: 'confidence: stated',
  },
  {
    name: 'a model that said the minimum',
    escalation: '{ confidence: { statement: { path: confidence, min: 0.8 } } }',
    session: known({ stated: 0.8 }),
    fires: undefined,
  },
  {
    name: 'tokens less sure than the minimum',
    escalation: '{ confidence: { logprobs: { min: 0.5 } } }',
    session: known({ logprobs: 0.4 }),
    fires: 'confidence: logprobs',
  },
  {
    name: 'one low source beside a high one',
    escalation: '{ confidence: { statement: { path: sure, min: 0.8 }, logprobs: { min: 0.5 } } }',
    session: known({ stated: 0.99, logprobs: 0.4 }),
    fires: 'confidence: logprobs',
  },
  {
    name: 'a confidence that nobody gave',
    escalation: '{ confidence: { statement: { path: confidence, min: 0.8 } } }',
    fires: 'confidence: missing',
  },
  {
    name: 'a missing confidence that the pact ignores',
    escalation: '{ confidence: { statement: { path: confidence, min: 0.8 }, missing: ignore } }',
    fires: undefined,
  },
  {
    name: 'an argument that says less than the minimum',
    escalation: '{ confidence: { argument: { name: confidence, min: 0.5 } } }',
    call: { ...cancel, args: { ...cancel.args, confidence: 0.2 } },
    fires: 'confidence: argument',
  },
  {
    name: 'an argument that is no probability counts as none',
    escalation: '{ confidence: { argument: { name: confidence, min: 0.5 } } }',
    call: { ...cancel, args: { ...cancel.args, confidence: 97 } },
    fires: 'confidence: missing',
  },
  {
    name: 'an argument that cannot be read beside a model that is sure',
    escalation:
      '{ confidence: { statement: { path: sure, min: 0.8 }, argument: { name: sure, min: 0.5 } } }',
    session: known({ stated: 0.99 }),
    call: { ...cancel, args: { ...cancel.args, sure: '0.1' } },
    fires: 'confidence: missing',
  },
  {
    name: 'a statement that cannot be read beside tokens that are sure',
    escalation: '{ confidence: { statement: { path: sure, min: 0.8 }, logprobs: { min: 0.5 } } }',
    session: known({ logprobs: 0.99, isUnclear: true }),
    fires: 'confidence: missing',
  },
  {
    name: 'an unclear statement where the pact does not ask for one',
    escalation: '{ confidence: { logprobs: { min: 0.5 } } }',
    session: known({ logprobs: 0.99, isUnclear: true }),
    fires: undefined,
  },
  {
    name: 'a low statement beside one that cannot be read',
    escalation: '{ confidence: { statement: { path: sure, min: 0.8 }, missing: ignore } }',
    session: known({ stated: 0.1, isUnclear: true }),
    fires: 'confidence: stated',
  },
  {
    name: 'a scorer below the minimum',
    escalation: '{ confidence: { scorer: { tool: retail/rate, path: score, min: 0.6 } } }',
    signals: { ...quiet, score: 0.5 },
    fires: 'confidence: score',
  },
  {
    name: 'a scorer that does not answer, whatever the model says of itself',
    escalation:
      '{ confidence: { statement: { path: sure, min: 0.8 }, scorer: { tool: retail/rate, path: score, min: 0.6 } } }',
    session: known({ stated: 1 }),
    signals: quiet,
    fires: 'confidence: missing',
  },
  {
    name: 'a task with good results',
    escalation: '{ competence: { provenTasks: { task-1: { passed: 19, of: 20 } } } }',
    fires: undefined,
  },
  {
    name: 'a task with results below the rate',
    escalation: '{ competence: { provenTasks: { task-1: { passed: 17, of: 20 } } } }',
    fires: 'competence: task',
  },
  {
    name: 'a task with too few results',
    escalation: '{ competence: { provenTasks: { task-1: { passed: 19, of: 19 } } } }',
    fires: 'competence: task',
  },
  {
    name: 'a task without results',
    escalation: '{ competence: { provenTasks: { task-2: { passed: 100, of: 100 } } } }',
    fires: 'competence: task',
  },
  {
    name: 'a first counterparty and form of arguments',
    escalation: '{ firstEncounter: {} }',
    signals: { ...quiet, unseen: ['arguments', 'counterparty'] },
    fires: 'firstEncounter: arguments counterparty',
  },
  {
    name: 'a kind of encounter that the pact does not ask',
    escalation: '{ firstEncounter: { of: [tool] } }',
    signals: { ...quiet, unseen: ['arguments', 'counterparty'] },
    fires: undefined,
  },
  {
    name: 'what the agent was seen with',
    escalation: '{ firstEncounter: {} }',
    signals: quiet,
    fires: undefined,
  },
  {
    name: 'an agent that said that it doubts',
    escalation: '{ doubt: {} }',
    session: { escalation: { doubt: { source: 'said' } } },
    fires: 'doubt: said',
  },
  {
    name: 'a call whose own argument asks for a person',
    escalation: '{ doubt: {} }',
    call: { ...cancel, args: { ...cancel.args, needs_human: true } },
    fires: 'doubt: argument',
  },
  { name: 'an agent that does not doubt', escalation: '{ doubt: {} }', fires: undefined },
  {
    name: 'an hour with too many calls',
    escalation: '{ anomaly: {} }',
    signals: { ...quiet, anomalies: ['calls'] },
    fires: 'anomaly: calls',
  },
  {
    name: 'an odd measure that the pact does not ask',
    escalation: '{ anomaly: { measures: [spend] } }',
    signals: { ...quiet, anomalies: ['calls'] },
    fires: undefined,
  },
  {
    name: 'untrusted content before a write',
    escalation: '{ taint: { after: untrusted } }',
    session: taint(true, false),
    fires: 'taint: untrusted',
  },
  {
    name: 'private data where only untrusted content counts',
    escalation: '{ taint: { after: untrusted } }',
    session: taint(false, true),
    fires: undefined,
  },
  {
    name: 'either of the two',
    escalation: '{ taint: { after: either } }',
    session: taint(false, true),
    fires: 'taint: private',
  },
  {
    name: 'one where both are asked',
    escalation: '{ taint: { after: both } }',
    session: taint(true, false),
    fires: undefined,
  },
  {
    name: 'both of the two',
    escalation: '{ taint: { after: both } }',
    session: taint(true, true),
    fires: 'taint: untrusted private',
  },
]

suite('each trigger as a rule', () => {
  for (const each of cases) {
    const verdict = each.fires === undefined ? 'goes on' : 'is held'
    test(`${each.name}: ${verdict}`, () => {
      const pact = pactWith(each.escalation, ...(each.changes ?? []))
      const session = { ...exampleFacts.session, ...each.session }
      const facts = { ...exampleFacts, session, signals: each.signals }
      const decision = decide(each.call ?? cancel, pact, facts)
      const fired = decision.firings?.map(({ trigger, codes }) => `${trigger}: ${codes.join(' ')}`)
      assert.equal(fired?.join('; '), each.fires)
      assert.equal(decision.verdict, each.fires === undefined ? 'allow' : 'hold')
      const rules = decision.reasons.map(({ rule }) => rule)
      const [trigger] = each.fires?.split(':') ?? []
      assert.equal(rules.includes(`escalation.${trigger}`), trigger !== undefined)
    })
  }

  test('a read is not asked about where no trigger names it', () => {
    const pact = pactWith('{ doubt: {}, taint: { after: either }, firstEncounter: {} }')
    const session = { ...exampleFacts.session, ...taint(true, true) }
    const signals: Signals = { ...quiet, unseen: ['tool'] }
    const decision = decide(read, pact, { ...exampleFacts, session, signals })
    assert.equal(decision.verdict, 'allow')
    assert.equal(decision.firings, undefined)
    assert.equal(mayHoldByTrigger(pact, { server: 'retail', tool: 'get_order_details' }), false)
    assert.equal(mayHoldByTrigger(pact, { server: 'retail', tool: 'cancel_pending_order' }), true)
  })

  test('what is learned is recorded and goes on', () => {
    const pact = pactWith('{ firstEncounter: { learning: { calls: 10 } } }')
    const signals: Signals = { unseen: ['tool'], isLearning: true, anomalies: [] }
    const decision = decide(cancel, pact, { ...exampleFacts, signals })
    assert.equal(decision.verdict, 'allow')
    assert.deepEqual(
      decision.firings?.map(({ consequence }) => consequence),
      ['record'],
    )
  })

  test('a trigger hands the session over only where the call would be held', () => {
    const pact = pactWith('{ doubt: { then: handover } }')
    const session = { ...exampleFacts.session, escalation: { doubt: { source: 'said' } } } as const
    const held = decide(cancel, pact, { ...exampleFacts, session })
    assert.equal(held.verdict, 'hold')
    assert.equal(held.handsOver, true)
    const denied = decide(cancel, pact, { ...exampleFacts, session: { ...session, tools: {} } })
    assert.equal(denied.verdict, 'deny')
    assert.equal(denied.handsOver, undefined)
    assert.equal(denied.firings?.length, 1, 'the firing is on record whatever the rules say')
  })

  test('a model that is asked anew takes back how sure it was', () => {
    const pact = pactWith('{ confidence: { statement: { path: confidence, min: 0.8 } } }')
    const session = { ...exampleFacts.session, ...known({ stated: 0.9 }) }
    const call = { kind: 'model', model: 'gpt-4.1-mini', stream: false, tokensMax: 10 } as const
    const decision = decide(call, pact, { ...exampleFacts, session })
    assert.deepEqual(decision.after?.escalation, { confidence: undefined })
  })

  test('a call that brings no words takes nothing back', () => {
    const pact = pactWith('{ confidence: { statement: { path: confidence, min: 0.8 } } }')
    const session = { ...exampleFacts.session, ...known({ stated: 0.9 }) }
    const call = { kind: 'model', model: 'gpt-4.1-mini', stream: false, tokensMax: 10 } as const
    const decision = decide({ ...call, isWordless: true }, pact, { ...exampleFacts, session })
    assert.equal(decision.after?.escalation, undefined)
  })

  test('what a person calls in its stead is not held for what the agent is', () => {
    const signals: Signals = { ...quiet, isOfPerson: true, anomalies: ['calls'], unseen: ['tool'] }
    const session: SessionFacts = {
      ...exampleFacts.session,
      escalation: { doubt: { source: 'said' } },
    }
    const ofAgent = pactWith(`{ doubt: {}, anomaly: {}, firstEncounter: {}, competence:
      { provenTasks: {} }, confidence: { statement: { path: sure, min: 0.8 } } }`)
    const facts = { ...exampleFacts, session, signals }
    assert.equal(decide(cancel, ofAgent, facts).verdict, 'allow')
    assert.equal(decide(cancel, ofAgent, facts).firings, undefined)
    const ofCall = pactWith('{ materiality: { amounts: { USD: 100 } } }')
    assert.equal(decide(cancel, ofCall, facts).verdict, 'hold', 'its size asks for another person')
  })

  test('an odd hour stops model calls only where the pact says so', () => {
    const call = { kind: 'model', model: 'gpt-4.1-mini', stream: false, tokensMax: 10 } as const
    const facts = { ...exampleFacts, signals: { ...quiet, anomalies: ['spend'] as const } }
    assert.equal(decide(call, pactWith('{ anomaly: {} }'), facts).verdict, 'allow')
    assert.equal(decide(call, pactWith('{ anomaly: { models: true } }'), facts).verdict, 'hold')
  })

  test("the agent's own tool is allowed where the pact offers it, and nowhere else", () => {
    const call: ToolCall = { ...read, server: 'airworthy', tool: 'escalate', args: {} }
    const offered = decide(call, pactWith('{ doubt: {} }'), exampleFacts)
    assert.equal(offered.verdict, 'allow')
    assert.equal(offered.after?.escalation?.doubt?.source, 'said')
    for (const pact of [pactWith('{ doubt: { tool: false } }'), compiled(exampleManifest())]) {
      assert.equal(decide(call, pact, exampleFacts).code, 'tool.unknown')
    }
  })
})
