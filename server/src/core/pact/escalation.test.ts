import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { readReply } from '../escalation/read-reply.ts'
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

  test('a phrase is found in a reply however both of them are spelled', () => {
    const phrases = ['je n\u2019en suis  pas s\u00FBr', 'n\u00E3o\u00A0sei']
    const declared = `{ doubt: { phrases: [${phrases.map((each) => JSON.stringify(each)).join(', ')}] } }`
    const { escalation } = compiled(
      exampleManifest(['pact:\n', `pact:\n  escalation: ${declared}\n`]),
    )
    const reading = escalation?.reply
    assert(reading !== undefined)
    for (const text of ["Je n'en suis pas su\u0302r.", 'Na\u0303o sei.', ...phrases]) {
      const body = { content: [{ type: 'text', text }] }
      assert.equal(readReply('messages', body, reading).doubt, 'phrase', text)
    }
  })

  test('refuses a phrase that every reply has', () => {
    const [problem = ''] = problemsOf('{ doubt: { phrases: ["a doubt", "**"] } }')
    assert.match(problem, /doubt\.phrases\[1\]: .*words/)
  })

  test('the counterparty is the one of the contract, where the pact names no other', () => {
    const plain = 'retail/pay: { effect: irreversible }'
    const named = [plain, plain.replace('}', ', counterparty: note }')] as const
    const paths = (own: string): unknown => {
      const declared = `pact:\n  escalation: { firstEncounter: ${own} }\n`
      const { escalation } = compiled(exampleManifest(['pact:\n', declared], named))
      return escalation?.watching?.counterparties.get('retail/pay')
    }
    assert.deepEqual(paths('{}'), ['note'])
    assert.deepEqual(paths('{ counterparties: { retail/pay: labels } }'), ['labels'])
  })

  test("refuses a tool server with the name of the gateway's own tools", () => {
    const server = '{ transport: stdio, command: node }'
    const named = ['toolServers:', `toolServers:\n  airworthy: ${server}`] as const
    const problems = problemsOf('{ doubt: {} }', named)
    assert(
      problems.some((each) => /toolServers\.airworthy: .*another name/.test(each)),
      problems.join('\n'),
    )
    const without = problemsOf('{ doubt: { tool: false } }', named)
    assert(!without.some((each) => each.includes('another name')))
  })

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
