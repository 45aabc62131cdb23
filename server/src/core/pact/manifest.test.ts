import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { exampleText } from './example.test-data.ts'
import { formatProblem, locate, manifestJsonSchema, parseManifest } from './manifest.ts'
import { formatPath, parsePath } from './problem.ts'

function problemsOf(text: string): string[] {
  const outcome = parseManifest(text, 'agent.yaml')
  return outcome.kind === 'ok' ? [] : outcome.problems.map(formatProblem)
}

/** The example with one text replaced by another. */
function changed(from: string, to: string): string {
  assert.ok(exampleText.includes(from), from)
  return exampleText.replace(from, to)
}

suite('parseManifest', () => {
  test('reads the example and fills in the defaults', () => {
    const outcome = parseManifest(exampleText, 'agent.yaml')
    assert.ok(outcome.kind === 'ok')
    assert.equal(outcome.manifest.holdExpiresAfterSeconds, 3600)
    assert.equal(outcome.manifest.toolServers['retail']?.timeoutMs, 30_000)
    assert.equal(outcome.manifest.models[0]?.timeoutMs, 600_000)
    assert.deepEqual(outcome.manifest.pact.promises, [])
  })

  test('reads JSON as well', () => {
    const outcome = parseManifest(exampleText, 'agent.yaml')
    assert.ok(outcome.kind === 'ok')
    const json = parseManifest(JSON.stringify(outcome.manifest), 'agent.json')
    assert.deepEqual(json, outcome)
  })

  const cases: [string, string, string, string][] = [
    [
      'a wrong type',
      'calls: 200,',
      'calls: many,',
      'agent.yaml:32:21 limits.session.calls: got "many", expected an integer >= 1',
    ],
    [
      'a number out of bounds',
      'calls: 200,',
      'calls: 0,',
      'agent.yaml:32:21 limits.session.calls: got 0, expected an integer >= 1',
    ],
    [
      'an unknown key, with the key that was meant',
      'calls: 200,',
      'call: 200,',
      'agent.yaml:32:14 limits.session.call: unknown key, expected one of calls, tokens, ' +
        'inputTokens, outputTokens, moneyUsd (did you mean "calls"?)',
    ],
    [
      'a missing field, at the key of its parent',
      ', stakes: high }',
      ' }',
      'agent.yaml:2:1 agent.stakes: got nothing, expected low or medium or high',
    ],
    [
      'money that is not a string',
      'moneyUsd: "2.50"',
      'moneyUsd: 2.50',
      'agent.yaml:32:53 limits.session.moneyUsd: got 2.5, expected US dollars as a decimal string such ' +
        'as "2.50"',
    ],
    [
      'an inexact price',
      '"0.40"',
      '"0.4000001"',
      'agent.yaml:7:35 models[0].prices.inputPerMillionUsd: got "0.4000001", expected at most 6 decimals: ' +
        'a whole number of pico-USD for one token',
    ],
    [
      'a contract key that is no tool',
      'retail/pay:',
      'pay:',
      'agent.yaml:30:3 tools.pay: got "pay", expected a tool as server/tool',
    ],
    [
      'a contract of an unknown server',
      'retail/pay:',
      'retial/pay:',
      'agent.yaml:30:15 tools.retial/pay: got "retial/pay", expected a tool of one of the servers retail ' +
        '(did you mean "retail"?)',
    ],
    [
      'an unknown transport',
      'transport: stdio',
      'transport: sse',
      'agent.yaml:14:24 toolServers.retail.transport: got "sse", expected stdio, http, openapi or sql',
    ],
    [
      'a reversible tool without undo',
      'retail/pay: { effect: irreversible }',
      'retail/pay: { effect: reversible }',
      'agent.yaml:30:3 tools.retail/pay.undo: got nothing, expected an undo, because the effect is ' +
        'reversible',
    ],
    [
      'a rule about nothing',
      ', models: ["*"] }',
      ' }',
      'agent.yaml:36:7 pact.permissions[0]: got "models", expected tools or models that the rule is about',
    ],
    [
      'two rules of one id',
      'id: reads',
      'id: models',
      'agent.yaml:37:13 pact.permissions[1].id: got "models", expected one id for each of ' +
        'pact.permissions, and this one is taken',
    ],
    [
      'a variable part that is not declared',
      '{{today}}',
      '{{todai}}',
      'agent.yaml:10:29 prompts[0].template: got "{{todai}}", expected a variable part that is declared ' +
        'in variables (did you mean "today"?)',
    ],
    [
      'a default session that is wider than the others',
      'calls: 10',
      'calls: 1000',
      'agent.yaml:33:28 limits.defaultSession.calls: got 1000, expected at most the 200 of limits.session',
    ],
  ]
  for (const [name, from, to, expected] of cases) {
    test(`refuses ${name}`, () => {
      assert.ok(
        problemsOf(changed(from, to)).includes(expected),
        problemsOf(changed(from, to)).join('\n'),
      )
    })
  }

  test('tells all problems of the shape at once, in the order of the file', () => {
    const text = changed('stakes: high', 'stakes: huge').replace('calls: 200', 'calls: -1')
    const problems = problemsOf(text.replace('effect: irreversible', 'effect: raed'))
    assert.equal(problems.length, 3)
    assert.deepEqual(
      problems.map((problem) => problem.split(' ')[1]),
      ['agent.stakes:', 'tools.retail/pay.effect:', 'limits.session.calls:'],
    )
  })

  const syntax: [string, string, RegExp][] = [
    ['a duplicate key', 'schema: a\nschema: b\n', /^agent\.yaml:2:1: Map keys must be unique/],
    ['a bad indent', 'agent:\n  - a\n b: 1\n', /^agent\.yaml:\d+:\d+: /],
    ['an unknown tag', 'agent: !!js/function "x"\n', /^agent\.yaml:1:8: /],
    ['a second document', 'a: 1\n---\nb: 2\n', /^agent\.yaml:\d+:\d+: /],
    ['nothing', '', /^agent\.yaml:1:1: got null, expected a manifest/],
    ['a list', '- 1\n', /^agent\.yaml:1:1: got \[1\], expected a manifest/],
    ['a bomb of aliases', bomb(), /^agent\.yaml:1:1: /],
    ['a huge file', `a: "${'x'.repeat(1_000_001)}"`, /longer than 1000000 characters/],
  ]
  for (const [name, text, expected] of syntax) {
    test(`refuses ${name}`, () => {
      assert.match(problemsOf(text)[0] ?? '', expected)
    })
  }

  test('refuses __proto__, which the schema would pass over', () => {
    const text = changed('settings: { temperature: 0 }', 'settings: { a: [{ __proto__: 0 }] }')
    assert.deepEqual(problemsOf(text), ['agent.yaml:11:19: the key __proto__ is not allowed'])
  })

  test('no ${NAME} is filled in', () => {
    const outcome = parseManifest(changed('command: node', 'command: "${HOME}"'), 'agent.yaml')
    assert.ok(outcome.kind === 'ok')
    const server = outcome.manifest.toolServers['retail']
    assert.equal(server?.transport === 'stdio' && server.command, '${HOME}')
  })
})

/** Nine levels of nine references each. */
function bomb(): string {
  const levels = Array.from({ length: 9 }, (_, level) => {
    const items = level === 0 ? 'x' : Array.from({ length: 9 }, () => `*a${level - 1}`).join(', ')
    return `a${level}: &a${level} [${items}]`
  })
  return `${levels.join('\n')}\n`
}

suite('paths', () => {
  test('are read as they are written', () => {
    const paths = [
      ['pact', 'permissions', 2, 'when'],
      ['tools', 'retail/get_order', 'key'],
      ['tools', 'a/b.c', 'key'],
      ['a b', '"quoted"', 0],
      [],
    ]
    for (const path of paths) assert.deepEqual(parsePath(formatPath(path)), path)
    assert.equal(formatPath(['tools', 'retail/get_order', 'undo']), 'tools.retail/get_order.undo')
    assert.equal(parsePath('a..b'), undefined)
  })

  test('are found in the text', () => {
    assert.deepEqual(locate(exampleText, 'pact.permissions[3].when'), { line: 42, column: 13 })
    assert.deepEqual(locate(exampleText, 'agent.nothing'), { line: 2, column: 1 })
  })
})

suite('manifestJsonSchema', () => {
  // `AIRWORTHY_WRITE=1 node --test <this file>` writes the page again after a change of the schema.
  test('is what docs/manifest.schema.json says', () => {
    const page = join(import.meta.dirname, '../../../../docs/manifest.schema.json')
    const text = `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`
    if (process.env['AIRWORTHY_WRITE'] === '1') writeFileSync(page, text)
    assert.deepEqual(JSON.parse(readFileSync(page, 'utf8')), manifestJsonSchema())
  })
})
