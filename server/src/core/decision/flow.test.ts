import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { CompiledWriteFlow } from '../pact/compiled.ts'
import type { Decision, Reason } from './decision.ts'
import type { FlowFacts } from './facts.ts'
import { decideFlow, flowOf } from './flow.ts'

const declared: CompiledWriteFlow = {
  opens: new Map(),
  reason: 'find the customer first',
  expiresAfterMs: 60_000,
  writesMax: 3,
}
const allowed: Decision = {
  verdict: 'allow',
  code: undefined,
  reasons: [{ rule: 'writes', verdict: 'allow', reason: 'the rule writes says allow' }],
}
const opens: Reason = { rule: 'write-flow', verdict: 'allow', reason: 'true' }
const errs: Reason = { ...opens, verdict: 'deny', error: 'No such key: x' }
const nowMs = 1_000_000

function flow(more: Partial<FlowFacts> = {}): FlowFacts {
  return { state: 'open', sinceMs: nowMs - 1000, writes: 1, ...more }
}

function write(
  facts: FlowFacts | undefined,
  answers: readonly Reason[],
  more: { decision?: Decision; declared?: CompiledWriteFlow | undefined } = {},
): Decision {
  const { decision = allowed } = more
  const context = { isWrite: true, flow: facts, declared, nowMs, ask: () => answers }
  return decideFlow(decision, { ...context, ...('declared' in more ? more : {}) })
}

suite('the write flow', () => {
  const cases: [string, Decision, string, string | undefined, string][] = [
    [
      'opens at the first write that its condition lets pass',
      write(undefined, [opens]),
      'allow',
      undefined,
      'write',
    ],
    [
      'stays closed where its condition is false',
      write(undefined, []),
      'deny',
      'flow.closed',
      'read',
    ],
    [
      'stays closed where its condition fails',
      write(undefined, [errs]),
      'deny',
      'policy.rule_error',
      'read',
    ],
    ['is not asked for again while it is open', write(flow(), [errs]), 'allow', undefined, 'write'],
    [
      'is asked for again when it has expired',
      write(flow({ sinceMs: nowMs - 60_000 }), []),
      'deny',
      'flow.closed',
      'read',
    ],
    [
      'ends with its last write, whatever the condition says',
      write(flow({ writes: 3 }), [opens]),
      'deny',
      'flow.closed',
      'read',
    ],
    [
      'stays closed when an operator closed it',
      write(flow({ state: 'barred' }), [opens]),
      'deny',
      'flow.closed',
      'read',
    ],
  ]
  for (const [name, { verdict, code, flow: ran }, ...expected] of cases) {
    test(name, () => assert.deepEqual([verdict, code, ran], expected))
  }

  test('counts the writes of an open flow, and begins with one', () => {
    assert.deepEqual(write(undefined, [opens]).after?.flow, {
      state: 'open',
      sinceMs: nowMs,
      writes: 1,
    })
    assert.equal(write(undefined, [opens]).opensFlow, true)
    assert.equal(write(flow({ writes: 2 }), []).after?.flow?.writes, 3)
    assert.equal(write(flow(), []).opensFlow, undefined)
  })

  test('never loosens: what is denied stays denied and opens nothing, what is held stays held', () => {
    const denied: Decision = { ...allowed, verdict: 'deny', code: 'policy.denied' }
    assert.deepEqual(write(undefined, [opens], { decision: denied }), { ...denied, flow: 'read' })
    const held: Decision = { ...allowed, verdict: 'hold', code: 'call.held' }
    assert.equal(write(undefined, [opens], { decision: held }).verdict, 'hold')
    assert.equal(write(undefined, [], { decision: held }).code, 'flow.closed')
  })

  test('a pact without one changes nothing, but that an operator can close any session', () => {
    assert.equal(write(undefined, [], { declared: undefined }), allowed)
    const barred = write(flow({ state: 'barred' }), [], { declared: undefined })
    assert.deepEqual([barred.verdict, barred.code], ['deny', 'flow.closed'])
    assert.equal(flowOf(undefined, undefined, nowMs), 'write')
  })

  test('a read is never touched, and shows the flow it ran in', () => {
    const read = (facts: FlowFacts | undefined): Decision =>
      decideFlow(allowed, { isWrite: false, flow: facts, declared, nowMs, ask: () => [errs] })
    assert.deepEqual(read(undefined), { ...allowed, flow: 'read' })
    assert.deepEqual(read(flow()), { ...allowed, flow: 'write' })
  })
})
