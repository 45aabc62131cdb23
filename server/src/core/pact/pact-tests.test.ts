import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { compilePact } from './compile.ts'
import { compiled, exampleManifest, exampleSchemas, withRules } from './example.test-data.ts'
import { findSuspicious } from './findings.ts'
import { pactHash } from './fingerprint.ts'
import type { Manifest } from './manifest.ts'
import { failedTests, type PactTest, runPactTests } from './pact-tests.ts'

const found = { done: { 'retail/find_user_id_by_email': 1 } }

function cancel(amount?: string): PactTest['call'] {
  const call = { tool: 'retail/cancel_pending_order', arguments: { order_id: '#W1' } }
  return amount === undefined ? call : { ...call, amount }
}

function withTests(tests: readonly PactTest[]): Manifest {
  const manifest = exampleManifest()
  return { ...manifest, pact: { ...manifest.pact, tests: [...tests] } }
}

function run(tests: readonly PactTest[]) {
  const manifest = withTests(tests)
  return runPactTests(manifest, compiled(manifest), () => undefined)
}

suite('tests of a pact', () => {
  const cases: readonly (PactTest & { readonly failure?: RegExp })[] = [
    { name: 'a model', call: { model: 'gpt-4.1-mini' }, expect: 'allow', rule: 'models' },
    { name: 'an unknown model', call: { model: 'gpt-0' }, expect: 'deny', code: 'model.unknown' },
    { name: 'an empty session', call: cancel('5'), expect: 'deny', rule: 'customer-first' },
    { name: 'a found customer', call: cancel('5'), session: found, expect: 'allow' },
    {
      name: 'a big refund',
      call: cancel('200.01'),
      session: found,
      expect: 'hold',
      rule: 'big-refund',
    },
    {
      name: 'no quote, as at the gateway, is an error',
      call: cancel(),
      session: found,
      expect: 'deny',
      code: 'policy.rule_error',
    },
    {
      name: 'counts of writes add up',
      call: { tool: 'retail/pay' },
      session: { done: { 'retail/pay': 2 }, failed: { 'retail/pay': 1 } },
      expect: 'deny',
      rule: 'three-writes',
    },
    {
      name: 'a given count stands',
      call: { tool: 'retail/pay' },
      session: { done: { 'retail/pay': 3 }, writes: 0 },
      expect: 'allow',
    },
    {
      name: 'another verdict',
      call: cancel('5'),
      expect: 'allow',
      failure: /^expected allow, got deny policy\.denied \(customer-first\)$/,
    },
    {
      name: 'another rule',
      call: cancel('5'),
      expect: 'deny',
      rule: 'three-writes',
      failure: /by the rule three-writes, got deny/,
    },
    {
      name: 'a rule that spoke for another verdict',
      call: cancel('300'),
      expect: 'deny',
      rule: 'big-refund',
      failure: /by the rule big-refund/,
    },
    {
      name: 'another code',
      call: cancel('5'),
      expect: 'deny',
      code: 'policy.rule_error',
      failure: /expected the code policy\.rule_error/,
    },
  ]
  for (const { failure, ...each } of cases) {
    test(`${each.name}: ${failure === undefined ? 'passes' : 'fails, and says why'}`, () => {
      const { results, problems } = run([each])
      assert.deepEqual(problems, [])
      if (failure === undefined) assert.equal(results[0]?.failure, undefined)
      else assert.match(results[0]?.failure ?? '', failure)
    })
  }

  test('arguments against the schema are refused as they would be', () => {
    const manifest = withTests([{ name: 'x', call: { tool: 'retail/pay' }, expect: 'deny' }])
    const { results } = runPactTests(manifest, compiled(manifest), () => 'arguments are wrong')
    assert.equal(results[0]?.decision.code, 'tool.arguments_invalid')
  })

  test('a test that cannot mean what it says is a problem with its place', () => {
    const { problems } = run([
      { name: 'both', call: { tool: 'retail/pay', model: 'm' }, expect: 'deny' },
      { name: 'neither', call: {}, expect: 'deny' },
      { name: 'no amount', call: { tool: 'retail/pay', amount: '5' }, expect: 'deny' },
      { name: 'typo', call: cancel('5'), session: { done: { 'retail/pya': 1 } }, expect: 'deny' },
    ])
    assert.deepEqual(
      problems.map(({ path }) => path),
      [
        'pact.tests[0].call',
        'pact.tests[1].call',
        'pact.tests[2].call.amount',
        'pact.tests[3].session.done.retail/pya',
      ],
    )
    assert.match(problems[3]?.message ?? '', /did you mean "retail\/pay"/)
  })

  test('a failing test is a problem at its place in the manifest', () => {
    const { results } = run([{ name: 'wrong', call: cancel('5'), expect: 'allow' }])
    assert.deepEqual(
      failedTests(results).map(({ path, expected }) => [path, expected]),
      [['pact.tests[0]', 'allow']],
    )
  })

  test('tests permit nothing: the hash of the pact is the same with them', () => {
    const tests = [{ name: 'x', call: cancel('5'), expect: 'deny' as const }]
    assert.equal(pactHash(withTests(tests)), pactHash(exampleManifest()))
  })
})

function findingsOf(manifest: Manifest): string[] {
  const outcome = compilePact(manifest, exampleSchemas)
  assert(outcome.kind === 'ok')
  const { pact } = outcome
  const { results } = runPactTests(manifest, pact, () => undefined)
  const findings = findSuspicious({ manifest, pact, toolSchemas: exampleSchemas, tests: results })
  return findings.map(({ severity, code, path }) => `${severity} ${code} ${path}`)
}

suite('findings', () => {
  test('a rule is shadowed when a stricter one speaks whenever it does, for all it selects', () => {
    const findings = findingsOf(
      withRules([
        { id: 'all', effect: 'allow', tools: ['*'] },
        { id: 'small', effect: 'hold', tools: ['retail/pay'], when: 'args.count == 2' },
        { id: 'wide', effect: 'deny', tools: ['retail/pay'], when: 'args.count > 1' },
        { id: 'narrow', effect: 'allow', tools: ['retail/pay'], when: 'session.writes > 9' },
        { id: 'busy', effect: 'deny', tools: ['retail/pay'], when: 'session.writes > 5' },
        { id: 'half', effect: 'allow', tools: ['retail/*'], when: 'session.writes > 9' },
      ]),
    )
    const about = findings.filter((each) => each.includes('pact.permissions'))
    assert.deepEqual(about, [
      'warning hold.never_passes pact.permissions[1]',
      'warning rule.shadowed pact.permissions[3]',
      'note rule.redundant pact.permissions[5]',
    ])
  })

  test('tells of tools nobody judged, writes nobody takes back, money nobody looks at', () => {
    const findings = findingsOf(
      exampleManifest(
        ['"retail/cancel_*", "retail/pay"', '"retail/cancel_*"'],
        ['when: call.amount > 20000', 'when: session.writes > 1'],
      ),
    )
    for (const expected of [
      'warning tool.no_rule tools.retail/pay',
      'warning tool.no_contract tools',
      'warning amount.unread tools.retail/cancel_pending_order.amount',
      'note test.none pact',
    ]) {
      assert(findings.includes(expected), `${expected} in ${findings.join(', ')}`)
    }
    assert(!findings.some((each) => each.includes('write.no_probe')))
    const usual = findingsOf(exampleManifest())
    assert(usual.includes('warning write.no_undo tools.retail/pay'))
    assert(usual.includes('note write.no_probe tools.retail/pay'))
    assert(!usual.some((each) => each.includes('amount.unread')))
  })

  test('tells of rules that no test makes speak, and of holds that are too short', () => {
    const manifest = withTests([{ name: 'x', call: cancel('5'), expect: 'deny' }])
    const findings = findingsOf({ ...manifest, holdExpiresAfterSeconds: 5 })
    assert(findings.includes('warning hold.too_short holdExpiresAfterSeconds'))
    const untested = findings.filter((each) => each.includes('rule.untested'))
    assert.deepEqual(untested, [
      'note rule.untested pact.permissions[0]',
      'note rule.untested pact.permissions[1]',
      'note rule.untested pact.permissions[4]',
      'note rule.untested pact.permissions[5]',
    ])
  })
})
