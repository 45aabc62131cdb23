import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  argumentsOf,
  messagesOf,
  newMessages,
  replyOf,
  resultOf,
  saidCharactersMax,
} from './transcript.ts'

const user = { role: 'user', content: 'Where is my order?' }

function chunk(delta: object, finish: string | null): string {
  const choices = [{ index: 0, delta, finish_reason: finish }]
  const event = { id: 'c', object: 'chat.completion.chunk', model: 'm', choices }
  return `data: ${JSON.stringify(event)}\n\n`
}

test('what a request says is the same in each model API', () => {
  const chat = { messages: [{ role: 'system', content: 'Be kind.' }, user] }
  const messages = { system: [{ type: 'text', text: 'Be kind.' }], messages: [user] }
  const responses = { instructions: 'Be kind.', input: 'Where is my order?' }
  const said = [
    { role: 'system', text: 'Be kind.' },
    { role: 'user', text: 'Where is my order?' },
  ]
  for (const body of [chat, messages, responses]) assert.deepEqual(messagesOf(body), said)
})

test('a call that the model asks for is named with its arguments, in each model API', () => {
  const args = '{"id":"o1"}'
  const chat = {
    choices: [
      {
        message: { content: null, tool_calls: [{ function: { name: 'find', arguments: args } }] },
      },
    ],
  }
  const messages = { content: [{ type: 'tool_use', name: 'find', input: { id: 'o1' } }] }
  const responses = { output: [{ type: 'function_call', name: 'find', arguments: args }] }
  for (const body of [chat, messages, responses]) {
    assert.deepEqual(replyOf(JSON.stringify(body)), [
      { role: 'assistant', text: 'find({"id":"o1"})' },
    ])
  }
})

test('of a history that is sent again only what is new is told', () => {
  const before = messagesOf({ messages: [user] })
  const after = messagesOf({
    messages: [
      user,
      { role: 'assistant', content: 'Let me see.' },
      { role: 'tool', content: 'lost' },
    ],
  })
  assert.deepEqual(newMessages(after, before), [{ role: 'tool', text: 'lost' }])
  assert.deepEqual(newMessages(after, undefined), after)
  assert.deepEqual(newMessages(after, 'after-reply'), [{ role: 'tool', text: 'lost' }])
})

test('a history that the agent rewrote is told from where it differs', () => {
  const before = messagesOf({ messages: [user, { role: 'user', content: 'Now!' }] })
  const after = messagesOf({ messages: [user, { role: 'user', content: 'Please.' }] })
  assert.deepEqual(newMessages(after, before), [{ role: 'user', text: 'Please.' }])
})

test('a stream is put together, and one that was cut off is shown as it came', () => {
  const begun = chunk({ role: 'assistant', content: 'On its ' }, null)
  const whole = `${begun}${chunk({ content: 'way.' }, null)}${chunk({}, 'stop')}data: [DONE]\n\n`
  assert.deepEqual(replyOf(whole), [{ role: 'assistant', text: 'On its way.' }])
  assert.deepEqual(replyOf(begun), [{ role: 'assistant', text: begun }])
})

test('arguments and results of tools are told', () => {
  assert.deepEqual(argumentsOf('{"server":"s","tool":"t","arguments":{"a":1}}'), [
    { role: 'arguments', text: '{"a":1}' },
  ])
  assert.deepEqual(resultOf('{"content":[{"type":"text","text":"done"}]}'), [
    { role: 'result', text: 'done' },
  ])
  assert.deepEqual(resultOf('{"isError":true,"content":[{"type":"text","text":"no"}]}'), [
    { role: 'error', text: 'no' },
  ])
})

test('a long text is told by its beginning, and says so', () => {
  const long = { messages: [{ role: 'user', content: 'a'.repeat(saidCharactersMax + 1) }] }
  const [said] = newMessages(messagesOf(long), undefined)
  assert.equal(said?.text.length, saidCharactersMax)
  assert.equal(said?.isClipped, true)
})

test('nothing that was stored makes it throw', () => {
  for (const stored of ['', 'null', '[]', '{"choices":[]}', '{"output":{}}', 'data: {\n\n', '7']) {
    assert(Array.isArray(replyOf(stored)))
    assert(Array.isArray(resultOf(stored)))
    assert(Array.isArray(argumentsOf(stored)))
    assert(Array.isArray(messagesOf(stored)))
  }
})
