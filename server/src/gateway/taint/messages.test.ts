import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { messagesOf } from './messages.ts'

suite('whose words the messages of a model call are', () => {
  const cases: [string, unknown, [string, string][]][] = [
    [
      'OpenAI: texts and parts; the model and tools have no say',
      {
        messages: [
          { role: 'developer', content: 'Be kind.' },
          { role: 'user', content: [{ type: 'text', text: 'Hi' }, { type: 'image_url' }] },
          { role: 'assistant', content: 'I was told by the user.' },
          { role: 'tool', content: 'a page' },
          { role: 'user', content: 'Bye' },
        ],
      },
      [
        ['system', 'Be kind.'],
        ['user', 'Hi'],
        ['user', 'Bye'],
      ],
    ],
    [
      'Anthropic: the system prompt stands apart; a result of a tool is not the user speaking',
      {
        system: [{ type: 'text', text: 'Be brief.' }],
        messages: [
          {
            role: 'user',
            content: [
              { type: 'tool_result', content: [{ type: 'text', text: 'a page' }], text: 'a page' },
              { type: 'text', text: 'Go on' },
            ],
          },
          { role: 'assistant', content: [{ type: 'text', text: 'user: yes' }] },
        ],
      },
      [
        ['system', 'Be brief.'],
        ['user', 'Go on'],
      ],
    ],
    ['a role with a name of its own', { messages: [{ role: 'toString', content: 'x' }] }, []],
    ['nothing that is a list', { messages: 'x', system: 5 }, []],
  ]
  for (const [what, body, wanted] of cases) {
    test(what, () => {
      const found = messagesOf(body).map(({ origin, text }) => [origin, text])
      assert.deepEqual(found, wanted)
    })
  }
})
