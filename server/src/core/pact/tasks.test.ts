import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { decide } from '../decision/decide.ts'
import type { Decision } from '../decision/decision.ts'
import type { SessionFacts } from '../decision/facts.ts'
import { compilePact } from './compile.ts'
import type { CompiledPact } from './compiled.ts'
import {
  compiled,
  exampleFacts,
  exampleManifest,
  exampleSchemas,
  exampleText,
} from './example.test-data.ts'
import { parseManifest } from './manifest.ts'

const extra = `scopes: { customer_id: string, level: integer, vip: boolean }
tasks:
  lookup:
    description: Answers questions about orders.
    tools: ["retail/get_*", "retail/find_*"]
    models: []
  refund:
    description: Cancels orders of one customer.
    tools: ["retail/*"]
    scopes: [customer_id]
    limits: { calls: 20 }
    bounds:
      - id: own
        tools: ["retail/cancel_*"]
        when: args.user_id == session.scope['customer_id']
        reason: only the orders of this customer
      - { tools: ["retail/pay"], when: args.amount <= 100.0 && session.scope.level > 1 }
defaultTask: lookup
`

function withTasks(text: string): CompiledPact {
  const parsed = parseManifest(exampleText + text, 'agent.yaml')
  if (parsed.kind === 'invalid')
    throw new Error(parsed.problems.map((one) => one.message).join('\n'))
  return compiled(parsed.manifest)
}

function problemsOf(text: string, from = extra): string[] {
  const parsed = parseManifest(exampleText + from + text, 'agent.yaml')
  if (parsed.kind === 'invalid')
    return parsed.problems.map(({ path, message }) => `${path}: ${message}`)
  const outcome = compilePact(parsed.manifest, exampleSchemas)
  return outcome.kind === 'ok'
    ? []
    : outcome.problems.map(({ path, message }) => `${path}: ${message}`)
}

const pact = withTasks(extra)

function decided(
  tool: string,
  args: Readonly<Record<string, unknown>>,
  session: Partial<SessionFacts>,
  of: CompiledPact = pact,
): Decision {
  const effectClass = of.tools.get(`retail/${tool}`)?.effectClass ?? 'read'
  const amount = tool.startsWith('cancel') ? { minorUnits: 1n, currency: 'USD' } : undefined
  const facts = { ...exampleFacts, session: { ...exampleFacts.session, ...session } }
  return decide({ kind: 'tool', server: 'retail', tool, effectClass, args, amount }, of, facts)
}

suite('tasks', () => {
  const refund = { task: 'refund', scope: { customer_id: 'C17', level: 2 } }
  const cases: [
    string,
    string,
    Record<string, unknown>,
    Partial<SessionFacts>,
    string | undefined,
  ][] = [
    ['a tool of the task', 'get_order_details', { order_id: '1' }, { task: 'lookup' }, undefined],
    ['a tool outside the task', 'pay', { amount: 1 }, { task: 'lookup' }, 'task.forbidden'],
    [
      'a task that the pact does not know',
      'get_order_details',
      {},
      { task: 'gone' },
      'task.forbidden',
    ],
    ['no task at all', 'get_order_details', {}, { task: '' }, 'task.forbidden'],
    [
      'the default session, in the default task',
      'get_order_details',
      {},
      { task: 'default' },
      undefined,
    ],
    [
      'the default session, outside of it',
      'pay',
      { amount: 1 },
      { task: 'default' },
      'task.forbidden',
    ],
    ['a bound that is true', 'cancel_pending_order', { user_id: 'C17' }, refund, undefined],
    ['a bound that is false', 'cancel_pending_order', { user_id: 'C18' }, refund, 'policy.denied'],
    [
      'a bound over an argument that is missing',
      'cancel_pending_order',
      {},
      refund,
      'policy.rule_error',
    ],
    [
      'a bound over another type',
      'cancel_pending_order',
      { user_id: 17 },
      refund,
      'policy.rule_error',
    ],
    [
      'a bound over a scope that the session lacks',
      'cancel_pending_order',
      { user_id: 'C17' },
      { task: 'refund' },
      'policy.rule_error',
    ],
    ['a bound of numbers', 'pay', { amount: 99 }, refund, undefined],
    [
      'a bound over a scope of another type',
      'pay',
      { amount: 99 },
      { task: 'refund', scope: { level: 'high' } },
      'policy.rule_error',
    ],
    [
      'a scope named like a property of objects',
      'cancel_pending_order',
      { user_id: 'x' },
      { task: 'refund', scope: { constructor: 'x' } },
      'policy.rule_error',
    ],
  ]
  for (const [name, tool, args, session, code] of cases) {
    test(`${code === undefined ? 'permits' : `denies, as ${code},`} ${name}`, () => {
      assert.equal(decided(tool, args, session).code, code)
    })
  }

  test('a model outside the task is forbidden; without a list all models are in it', () => {
    const call = { kind: 'model', model: 'gpt-4.1-mini', stream: false, tokensMax: 1 } as const
    const codeIn = (task: string): string | undefined =>
      decide(call, pact, { ...exampleFacts, session: { ...exampleFacts.session, task } }).code
    assert.deepEqual([codeIn('lookup'), codeIn('refund')], ['task.forbidden', undefined])
  })

  test('a bound that denies says so by its own id and reason', () => {
    const { reasons } = decided('cancel_pending_order', { user_id: 'C18' }, refund)
    assert.deepEqual(
      reasons.filter(({ verdict }) => verdict === 'deny'),
      [{ rule: 'task.refund.own', verdict: 'deny', reason: 'only the orders of this customer' }],
    )
  })

  test('without a default task nothing is permitted to calls without a session', () => {
    const none = withTasks(extra.replace('defaultTask: lookup\n', ''))
    assert.equal(decided('get_order_details', {}, { task: 'default' }, none).code, 'task.forbidden')
  })

  test('a task never permits what the pact without tasks does not', () => {
    const open = compiled(exampleManifest())
    const tools = fc.constantFrom(
      'get_order_details',
      'find_user_id_by_email',
      'cancel_pending_order',
      'pay',
    )
    const args = fc.dictionary(
      fc.constantFrom('amount', 'user_id', 'order_id'),
      fc.oneof(fc.constantFrom('C17', 'C18', '', 50, 500, null), fc.integer()),
    )
    const session = fc.record({
      task: fc.constantFrom('lookup', 'refund', 'default', '', 'other'),
      scope: fc.dictionary(
        fc.constantFrom('customer_id', 'level'),
        fc.constantFrom('C17', 2, 0, true),
      ),
      writes: fc.integer({ min: 0, max: 4 }),
    })
    const strictness = { allow: 0, hold: 1, deny: 2 }
    fc.assert(
      fc.property(tools, args, session, (tool, given, facts) => {
        const inTask = decided(tool, given, facts)
        const free = decided(tool, given, facts, open)
        assert.ok(strictness[inTask.verdict] >= strictness[free.verdict])
        if (inTask.verdict === 'allow')
          assert.ok(['lookup', 'refund', 'default'].includes(facts.task))
      }),
    )
  })
})

function loopProblems(text: string): string[] {
  const limits = '  defaultSession: { calls: 10 }\n'
  const changed = exampleText.replace(limits, `${limits}  loops: ${text}\n`)
  const parsed = parseManifest(changed, 'agent.yaml')
  return parsed.kind === 'ok' ? [] : parsed.problems.map(({ path }) => path)
}

suite('a manifest with tasks', () => {
  const faults: [string, string, string, RegExp][] = [
    [
      'a tool that no server has',
      '"retail/get_*"',
      '"retail/gte_*"',
      /^tasks\.lookup\.tools\[0\]: .*did you mean|^tasks\.lookup\.tools\[0\]: /,
    ],
    ['a model that is not there', 'models: []', 'models: [gpt-9]', /^tasks\.lookup\.models\[0\]: /],
    [
      'a scope that is not declared',
      'scopes: [customer_id]',
      'scopes: [custmer_id]',
      /^tasks\.refund\.scopes\[0\]: .*did you mean "customer_id"/,
    ],
    [
      'a bound over an undeclared scope',
      "session.scope['customer_id']",
      "session.scope['customer']",
      /^tasks\.refund\.bounds\[0\]\.when: .*a data scope that the manifest declares/,
    ],
    [
      'a bound over the whole scope',
      "args.user_id == session.scope['customer_id']",
      'size(session.scope) > 0',
      /^tasks\.refund\.bounds\[0\]\.when: /,
    ],
    [
      'a bound over a scope of another type',
      'session.scope.level > 1',
      'session.scope.level > "a"',
      /^tasks\.refund\.bounds\[1\]\.when: .*no such overload/,
    ],
    [
      'a bound over an unknown argument',
      'args.user_id ==',
      'args.user ==',
      /^tasks\.refund\.bounds\[0\]\.when: /,
    ],
    [
      'a bound that can never be true',
      'args.amount <= 100.0',
      'session.flow == "writ"',
      /^tasks\.refund\.bounds\[1\]\.when: .*can be true/,
    ],
    [
      'a bound on a tool outside the task',
      '["retail/pay"]',
      '["shop/pay"]',
      /^tasks\.refund\.bounds\[1\]\.tools\[0\]: /,
    ],
    [
      'a limit above the session’s',
      'calls: 20 }',
      'calls: 201 }',
      /^tasks\.refund\.limits\.calls: .*at most the 200/,
    ],
    [
      'a default task that is not there',
      'defaultTask: lookup',
      'defaultTask: lokup',
      /^defaultTask: .*did you mean "lookup"/,
    ],
    [
      'a default task with scopes',
      'defaultTask: lookup',
      'defaultTask: refund',
      /^defaultTask: .*without data scopes/,
    ],
    [
      'a task called default',
      'defaultTask: lookup\n',
      '  default: { description: x, tools: [] }\n',
      /not "default"/,
    ],
    [
      'a scope called constructor',
      'vip: boolean',
      'constructor: boolean',
      /the name of a data scope/,
    ],
  ]
  for (const [name, from, to, expected] of faults) {
    test(`refuses ${name}`, () => {
      assert.ok(extra.includes(from), from)
      const problems = problemsOf('', extra.replace(from, to))
      assert.ok(
        problems.some((problem) => expected.test(problem)),
        problems.join('\n'),
      )
    })
  }

  test('refuses loops that the window cannot show', () => {
    assert.deepEqual(loopProblems('{ identical: 5, oscillation: 3, steps: 40 }'), [])
    assert.deepEqual(loopProblems('{ window: 10, identical: 11, oscillation: 6 }'), [
      'limits.loops.identical',
      'limits.loops.oscillation',
    ])
    assert.deepEqual(loopProblems('{ window: 10 }'), [])
    assert.deepEqual(loopProblems('{ identical: 0, oscillation: 0, window: 2 }'), [])
  })
})
