import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { compiled, exampleManifest, exampleText } from './example.test-data.ts'
import { parseManifest } from './manifest.ts'

function problemsOf(escalation: string, ...changes: readonly (readonly [string, string])[]) {
  const all = [['pact:\n', `pact:\n  escalation: ${escalation}\n`] as const, ...changes]
  const text = all.reduce((changed, [from, to]) => changed.replace(from, to), exampleText)
  const outcome = parseManifest(text, 'agent.yaml')
  if (outcome.kind === 'ok') return []
  return outcome.problems.map(({ path, message }) => `${path}: ${message}`)
}

suite('triggers of a manifest', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['{ materiality: {} }', /escalation\.materiality: .*at least one of amounts/],
    ['{ materiality: { dataClasses: [] } }', /at least one of amounts/],
    ['{ confidence: {} }', /escalation\.confidence: .*at least one of statement/],
    ['{ doubt: { tools: [retial/pay] } }', /doubt\.tools\[0\]: .*matches one of the tools/],
    ['{ doubt: { models: [gpt-9] } }', /doubt\.models\[0\]: .*matches one of the models/],
    [
      '{ competence: { provenTasks: { a: { passed: 3, of: 2 } } } }',
      /provenTasks\.a\.passed: .*at most `of`/,
    ],
    [
      '{ firstEncounter: { counterparties: { retail/paid: to } } }',
      /counterparties\.retail\/paid: .*a tool with a contract/,
    ],
    [
      '{ confidence: { scorer: { tool: judge/rate, path: score, min: 0.5 } } }',
      /scorer\.tool: .*one of the tool servers/,
    ],
  ]
  for (const [escalation, message] of wrong) {
    test(`refuses ${escalation}`, () => {
      const problems = problemsOf(escalation)
      assert.equal(problems.length, 1, problems.join('\n'))
      assert.match(problems[0] ?? '', message)
    })
  }

  test('refuses a proven task that the manifest does not declare', () => {
    const proven = '{ competence: { provenTasks: { retruns: { passed: 1, of: 1 } } } }'
    const tasks = 'tasks: { returns: { description: x, tools: ["*"] } }\nsettings:'
    const [problem = ''] = problemsOf(proven, ['settings:', tasks])
    assert.match(problem, /provenTasks\.retruns: .*a task of this manifest.*returns/)
  })

  test('a pact that says nothing has no triggers at all', () => {
    assert.equal(compiled(exampleManifest()).escalation, undefined)
  })

  test('by default triggers ask about every tool that writes, and no other', () => {
    const { escalation } = compiled(
      exampleManifest(['pact:\n', 'pact:\n  escalation: { doubt: {} }\n']),
    )
    assert.deepEqual([...(escalation?.tools.keys() ?? [])].toSorted(), [
      'retail/cancel_pending_order',
      'retail/pay',
    ])
    assert.equal(escalation?.watching, undefined, 'nobody has to be watched for it')
    assert.equal(escalation?.scorer, undefined)
  })
})
