import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCacheable } from './cacheable-request.ts'
import { readKeepable } from './keepable-reply.ts'

const user = { role: 'user', content: 'Hi' }

test('how a reply is sent and billed is no part of what is asked', () => {
  const plain = { model: 'm', messages: [user], temperature: 0 }
  const sent = { ...plain, stream: true, stream_options: {}, user: 'u', metadata: { a: '1' } }
  assert.deepEqual(readCacheable('chat', sent)?.material, plain)
  assert.notEqual(readCacheable('chat', sent)?.person, readCacheable('chat', plain)?.person)
})

test('a request whose answer depends on more than itself is never cached', () => {
  const refused = [
    ['chat', { messages: [user], store: true }],
    ['chat', { messages: [user], web_search_options: {} }],
    ['chat', { messages: [user], tools: [{ type: 'web_search' }] }],
    ['responses', { input: 'Hi', previous_response_id: 'r' }],
    ['responses', { input: 'Hi', background: true }],
    ['responses', { input: 'Hi', tools: [{ type: 'file_search' }] }],
    ['messages', { messages: [user], tools: [{ type: 'web_search_20250305', name: 'w' }] }],
    ['messages', { messages: [user], mcp_servers: [{}] }],
  ] as const
  for (const [api, json] of refused) assert.equal(readCacheable(api, json), undefined)
})

test('only the text of the last user is left out of what must be equal', () => {
  const before = [{ role: 'system', content: 'Be brief' }, user]
  const answered = { role: 'assistant', content: 'Hello' }
  const one = { messages: [...before, answered, { role: 'user', content: 'One?' }] }
  const two = { messages: [...before, answered, { role: 'user', content: 'Two?' }] }
  const other = {
    messages: [...before, { ...answered, content: 'No' }, { role: 'user', content: 'Two?' }],
  }
  assert.equal(readCacheable('chat', one)?.semantic?.asked, 'One?')
  assert.deepEqual(
    readCacheable('chat', one)?.semantic?.frame,
    readCacheable('chat', two)?.semantic?.frame,
  )
  assert.notDeepEqual(
    readCacheable('chat', two)?.semantic?.frame,
    readCacheable('chat', other)?.semantic?.frame,
  )
  const parts = { messages: [{ role: 'user', content: [{ type: 'text', text: 'One?' }] }] }
  assert.equal(readCacheable('messages', parts)?.semantic?.asked, 'One?')
  assert.equal(readCacheable('responses', { input: 'One?' })?.semantic?.asked, 'One?')
})

test('what tools answered, an image or several choices are matched only as a whole', () => {
  const exactOnly = [
    [
      'chat',
      {
        messages: [
          user,
          { role: 'assistant', tool_calls: [{}] },
          { role: 'tool', content: 'x' },
          user,
        ],
      },
    ],
    ['chat', { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }] }],
    ['chat', { messages: [user], n: 2 }],
    ['chat', { messages: [user, { role: 'assistant', content: 'Hel' }] }],
    [
      'messages',
      { messages: [{ role: 'user', content: [{ type: 'tool_result', content: 'x' }] }] },
    ],
    ['responses', { input: [{ type: 'function_call_output', output: 'x' }, user] }],
    ['embeddings', { input: 'Hi' }],
  ] as const
  for (const [api, json] of exactOnly) {
    const read = readCacheable(api, json)
    assert.notEqual(read, undefined)
    assert.equal(read?.semantic, undefined, JSON.stringify(json))
  }
})

test('only a whole reply that says something and does nothing is kept', () => {
  const message = { role: 'assistant', content: 'Hello' }
  const choice = { message, finish_reason: 'stop' }
  assert.equal(readKeepable('chat', { choices: [choice] })?.text, 'Hello')
  const text = [{ type: 'text', text: 'Hello' }]
  const whole = { type: 'message', stop_reason: 'end_turn', content: text }
  assert.equal(readKeepable('messages', whole)?.text, 'Hello')
  const output = [{ type: 'message', content: [{ type: 'output_text', text: 'Hello' }] }]
  assert.equal(readKeepable('responses', { status: 'completed', output })?.text, 'Hello')
  assert.notEqual(readKeepable('embeddings', { data: [{ embedding: [1] }] }), undefined)
  const never = [
    ['chat', { choices: [{ ...choice, finish_reason: 'length' }] }],
    ['chat', { choices: [{ ...choice, message: { ...message, tool_calls: [{}] } }] }],
    ['chat', { choices: [{ ...choice, message: { ...message, refusal: 'No' } }] }],
    ['chat', { choices: [choice, { ...choice, finish_reason: 'content_filter' }] }],
    ['chat', { choices: [{ ...choice, message: { content: ' ' } }] }],
    ['chat', { error: { message: 'x' }, choices: [choice] }],
    ['messages', { ...whole, stop_reason: 'max_tokens' }],
    ['messages', { ...whole, content: [...text, { type: 'tool_use' }] }],
    ['messages', { ...whole, stop_reason: 'refusal' }],
    ['responses', { status: 'incomplete', output }],
    ['responses', { status: 'completed', output: [...output, { type: 'function_call' }] }],
    ['embeddings', { data: [] }],
    ['chat', 'no object'],
  ] as const
  for (const [api, reply] of never)
    assert.equal(readKeepable(api, reply), undefined, JSON.stringify(reply))
})

test('who asks is part of it, whatever their id is made of', () => {
  const persons = [
    {},
    { user: 'a' },
    { user: 7 },
    { user: 8 },
    { user: '7' },
    { safety_identifier: 7 },
    { metadata: { user_id: 7 } },
    { metadata: { user_id: 'a' } },
  ].map((more) => readCacheable('chat', { messages: [], ...more })?.person)
  assert.equal(new Set(persons).size, persons.length)
})
