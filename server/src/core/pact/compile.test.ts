import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { compilePact } from './compile.ts'
import {
  compiled,
  exampleManifest,
  exampleSchemas,
  exampleText,
  withRules,
} from './example.test-data.ts'
import type { ExampleRule } from './example.test-data.ts'
import { formatProblem, placeProblems } from './manifest.ts'

function problemsOf(manifest: ReturnType<typeof exampleManifest>): string[] {
  const outcome = compilePact(manifest, exampleSchemas)
  return outcome.kind === 'ok'
    ? []
    : outcome.problems.map(({ path, message }) => `${path}: ${message}`)
}

function ruleProblem(rule: Partial<ExampleRule>): string {
  const problems = problemsOf(withRules([{ id: 'r', effect: 'deny', ...rule }]))
  return problems.join('\n').replaceAll('pact.permissions[0].', '')
}

suite('compilePact', () => {
  test('a tool may not have a name that the gateway keeps for its own', () => {
    const [name, reserved] = ['retail/pay', 'retail/airworthy_pay'] as const
    const contract = `${name}: { effect: irreversible }`
    const change = [contract, contract.replace(name, reserved)] as const
    assert.throws(() => exampleManifest(change), /"retail\/airworthy_pay", expected another name/)
  })

  test('makes models, tools, limits and warnings', () => {
    const pact = compiled(exampleManifest())
    const model = pact.models.get('gpt-4.1-mini')
    const rates = model?.endpoints[0]?.prices?.tiers[0].rates
    assert.deepEqual(
      [rates?.input, rates?.cachedInput, rates?.output],
      [400_000n, 100_000n, 1_600_000n],
    )
    assert.equal(model?.endpoints[0]?.upstreamModel, 'gpt-4.1-mini')
    assert.deepEqual(pact.limits.session, {
      calls: 200,
      tokens: 3_000_000,
      inputTokens: undefined,
      outputTokens: undefined,
      moneyNanoUsd: 2_500_000_000n,
    })
    assert.deepEqual(pact.limits.defaultSession, { ...pact.limits.session, calls: 10 })
    assert.deepEqual(pact.limits.agent, {
      calls: undefined,
      tokens: undefined,
      inputTokens: undefined,
      outputTokens: undefined,
      moneyNanoUsd: undefined,
    })
    assert.deepEqual(pact.warnings, [
      'retail/drop_everything has no contract: it counts as irreversible and is not permitted',
    ])
    assert.deepEqual(pact.rules[1]?.tools, [
      'retail/get_order_details',
      'retail/find_user_id_by_email',
    ])
  })

  test('lists the tools that some rule permits and none always denies', () => {
    const denied = withRules([
      { id: 'all', effect: 'allow', tools: ['*'] },
      { id: 'never', effect: 'deny', tools: ['retail/pay'] },
      { id: 'at-night', effect: 'deny', tools: ['retail/cancel_*'], when: 'now.getHours() < 6' },
    ])
    const listable = [...compiled(denied).tools]
      .filter(([, tool]) => tool.listable)
      .map(([name]) => name)
    assert.deepEqual(listable, [
      'retail/get_order_details',
      'retail/find_user_id_by_email',
      'retail/cancel_pending_order',
    ])
    const none = [...compiled(withRules([])).tools.values()]
    assert.ok(none.every((tool) => !tool.listable))
  })

  const rules: [string, Partial<ExampleRule>, RegExp][] = [
    [
      'a selector that matches nothing',
      { tools: ['retail/gte_*'] },
      /^tools\[0\]: got "retail\/gte_\*"/,
    ],
    ['a model that is not enrolled', { models: ['gpt-5'] }, /matches a model of this manifest/],
    [
      'a tool without a contract',
      { tools: ['retail/drop_*'] },
      /drop_everything: there is no contract/,
    ],
    ['no CEL', pays('args.amount >'), /^when: got .*expected valid CEL/],
    ['an unknown variable', pays('arg.amount > 1.0'), /Unknown variable: arg/],
    [
      'an unknown argument, for the tool that lacks it',
      { tools: ['retail/pay', 'retail/cancel_*'], when: 'args.amount > 1.0' },
      /`args\.amount`, expected an argument of retail\/cancel_pending_order: order_id, reason, user_id/,
    ],
    ['an argument that is misspelt', pays('args.amuont > 1.0'), /did you mean "amount"/],
    ['an unknown argument within has()', pays('has(args.amuont)'), /did you mean "amount"/],
    ['an unknown argument by index', pays('args["amuont"] > 1.0'), /did you mean "amount"/],
    [
      'an unknown nested argument',
      pays('args.address.zap == ""'),
      /`args\.address\.zap`.*: zip, geo/,
    ],
    [
      'an unknown argument in a list',
      pays('args.items.exists(i, i.pric > 1.0)'),
      /No such key: pric/,
    ],
    ['args as a whole', pays('size(args) > 1'), /args followed by the name of a field/],
    ['an index that is no constant', pays('args[session.task] == 1.0'), /args followed by/],
    ['an argument in a rule about a model', { models: ['*'], when: 'args.a == 1' }, /no args/],
    ['an unknown field of call', pays('call.tol == "pay"'), /did you mean "tool"/],
    [
      'an amount that no contract declares',
      pays('call.amount > 1'),
      /retail\/pay declares no amount/,
    ],
    ['an unknown fact', pays('session.write > 1'), /did you mean "writes"/],
    ['an unknown fact within has()', pays('has(session.write)'), /did you mean "writes"/],
    [
      'a count of an unknown tool',
      pays('session.done["retail/pey"] == 0'),
      /did you mean "retail\/pay"/,
    ],
    [
      'a count of a tool without server',
      pays('session.made.pay == 0'),
      /a tool that has a contract/,
    ],
    ['a string compared with a number', pays('args.note > 5'), /no such overload: string > int/],
    ['a double equal to an int', pays('args.amount == 5'), /double == int \(write 150\.0/],
    ['a condition that is a number', pays('args.count + 1'), /of type int, not bool/],
    ['an unknown function', pays('exec("rm")'), /no matching overload for 'exec/],
    ['a regular expression', pays('args.note.matches("(a+)+$")'), /can take for ever/],
    ['dyn(), which silences the checker', pays('dyn(args.note) > 5'), /a typed value/],
    ['loops in loops in loops', pays(nested(3)), /at most 2 loops/],
    ['a loop that hides args', pays('args.items.all(args, true)'), /hides nothing/],
    ['a long condition', pays('true ||'.repeat(300).concat('true')), /valid CEL/],
    ['false', pays('false'), /can be true/],
    ['a value outside of an enum', cancels('args.reason == "because"'), /can be true/],
    ['x == 1 && x == 2', pays('args.count == 1 && args.count == 2'), /can be true/],
  ]
  for (const [name, rule, expected] of rules) {
    test(`refuses ${name}`, () => {
      assert.match(ruleProblem(rule), expected)
    })
  }

  test('tells a mistake once, though the rule selects many tools', () => {
    const problem = ruleProblem({ tools: ['*'], when: 'session.write > 1' })
    assert.equal(problem.split('\n').length, 1)
  })

  test('takes two loops, guards and nested arguments', () => {
    const good = [
      nested(2),
      'has(args.note) && args.note == "x"',
      'args.address.zip == "1" && args.address.geo.lat > 1.0',
      'args.labels["a"] > 1 || "b" in args.labels',
      'args.anything == 1',
      'cel.bind(x, args.count, x > 1 && x < 3)',
      'session.done[call.server + "/" + call.tool] > 0',
      '"retail/pay" in session.done',
    ]
    for (const when of good) assert.equal(ruleProblem(pays(when)), '', when)
  })

  const contracts: [string, [string, string], RegExp][] = [
    [
      'a contract for a tool that the server does not have',
      ['retail/pay:', 'retail/pya:'],
      /tools\.retail\/pya: got "retail\/pya", expected a tool that the server retail has .*"retail\/pay"/,
    ],
    [
      'a key with an unknown argument',
      ['key: "{{args.order_id}}"', 'key: "{{args.order}}"'],
      /pending_order\.key: got "{{args\.order}}", expected an argument .*did you mean "order_id"/,
    ],
    [
      'a key of a result',
      ['key: "{{args.order_id}}"', 'key: "{{result.id}}"'],
      /expected args\.<name>/,
    ],
    [
      'a broken template',
      ['key: "{{args.order_id}}"', 'key: "{{args.order_id"'],
      /placeholders such/,
    ],
    [
      'an unknown undo tool',
      ['tool: undo_effect', 'tool: undo_efect'],
      /\.undo\.tool: got "undo_efect".*did you mean "undo_effect"/,
    ],
    [
      'an undo without a required argument',
      [
        'undo: { tool: undo_effect, arguments: { effect_key: "{{effect.key}}" } }',
        'undo: { tool: undo_effect }',
      ],
      /undo\.arguments\.effect_key: got nothing, expected a value/,
    ],
    [
      'a probe that writes',
      [
        '      tool: probe_effect\n      arguments: { effect_key:',
        '      tool: pay\n      arguments: { note:',
      ],
      /probe\.tool: got "pay", expected a tool that only reads/,
    ],
    [
      'a probe whose condition is wrong',
      ['result.found == true', 'reslt.found'],
      /Unknown variable: reslt/,
    ],
    [
      'an amount in an unknown currency',
      ['currency: USD', 'currency: USX'],
      /amount\.currency: got "USX"/,
    ],
  ]
  for (const [name, change, expected] of contracts) {
    test(`refuses ${name}`, () => {
      let problems: string[]
      try {
        problems = problemsOf(exampleManifest(change))
      } catch (error) {
        problems = [`tools.retail/cancel_pending_order.amount.currency: ${String(error)}`]
        assert.match(String(error), /ISO 4217/)
        return
      }
      assert.match(problems.join('\n'), expected)
    })
  }

  test('gives every problem its place in the text', () => {
    const change = ['call.amount > 20000', 'call.amuont > 20000'] as const
    const outcome = compilePact(exampleManifest(change), exampleSchemas)
    assert.ok(outcome.kind === 'invalid')
    const text = exampleText.replace(...change)
    const placed = placeProblems({ text, file: 'agent.yaml', problems: outcome.problems })
    assert.match(
      placed.map(formatProblem).join('\n'),
      /^agent\.yaml:47:13 pact\.permissions\[4\]\.when: got `call\.amuont`, expected one of call\.kind/,
    )
  })
})

function pays(when: string): Partial<ExampleRule> {
  return { tools: ['retail/pay'], when }
}

function cancels(when: string): Partial<ExampleRule> {
  return { tools: ['retail/cancel_*'], when }
}

/** Loops over the items inside one another. */
function nested(depth: number): string {
  return depth === 0 ? 'true' : `args.items.all(i${depth}, ${nested(depth - 1)})`
}
