// The official clients read what the wires write: whole replies, and streams through the clients'
// own accumulators. No network: the clients are given the reply as they ask.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import {
  createStreamTranslator,
  replyAsStream,
  translateReply,
  translateRequest,
} from '../../src/core/wires/translate.ts'

type Api = 'chat' | 'responses' | 'messages'

/** Of each upstream: it thinks, says something and calls two tools at once. */
const bodies: Record<Api, object> = {
  chat: {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'big',
    choices: [
      {
        index: 0,
        finish_reason: 'tool_calls',
        logprobs: null,
        message: {
          role: 'assistant',
          reasoning_content: 'Two cities.',
          content: 'Let me look.',
          refusal: null,
          tool_calls: [
            call('call_a', '{"city":"Zürich"}'),
            call('call_b', '{"city":"Nuuk \\"north\\""}'),
          ],
        },
      },
    ],
    usage: {
      prompt_tokens: 30,
      completion_tokens: 12,
      total_tokens: 42,
      prompt_tokens_details: { cached_tokens: 10 },
    },
  },
  messages: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'big',
    content: [
      { type: 'thinking', thinking: 'Two cities.', signature: 'sig' },
      { type: 'text', text: 'Let me look.', citations: null },
      { type: 'tool_use', id: 'call_a', name: 'weather', input: { city: 'Zürich' } },
      { type: 'tool_use', id: 'call_b', name: 'weather', input: { city: 'Nuuk "north"' } },
    ],
    stop_reason: 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: 20, cache_read_input_tokens: 10, output_tokens: 12 },
  },
  responses: {
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    status: 'completed',
    model: 'big',
    output: [
      { id: 'rs_1', type: 'reasoning', summary: [{ type: 'summary_text', text: 'Two cities.' }] },
      {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'Let me look.', annotations: [] }],
      },
      item('fc_a', 'call_a', '{"city":"Zürich"}'),
      item('fc_b', 'call_b', '{"city":"Nuuk \\"north\\""}'),
    ],
    usage: {
      input_tokens: 30,
      input_tokens_details: { cached_tokens: 10 },
      output_tokens: 12,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 42,
    },
  },
}

function call(id: string, text: string): object {
  return { id, type: 'function', function: { name: 'weather', arguments: text } }
}

function item(id: string, callId: string, text: string): object {
  const called = { call_id: callId, name: 'weather', arguments: text }
  return { id, type: 'function_call', status: 'completed', ...called }
}

/** What the agent asks is translated, too, so that the client sends what we then answer. */
function answer(from: Api, to: Api): typeof fetch {
  return async (_url, init) => {
    assert.ok(typeof init?.body === 'string')
    const asked: unknown = JSON.parse(init.body)
    const isStream = typeof asked === 'object' && asked !== null && Reflect.get(asked, 'stream')
    translateRequest({ from: to, to: from, body: asked, upstreamModel: 'big', outputTokens: 99 })
    const request = { body: asked, id: 'call-1', createdAt: 1_700_000_000 }
    const body = bodies[from]
    if (isStream !== true) return Response.json(translateReply({ from, to, body, request }))
    const translator = createStreamTranslator({ from, to, request })
    const events = replyAsStream({ api: from, body }).flatMap((text) => {
      return translator.push({ data: text.slice(text.indexOf('data: ') + 6).trimEnd() })
    })
    const text = [...events, ...translator.finish()].join('')
    return new Response(text, { headers: { 'content-type': 'text/event-stream' } })
  }
}

const tool = { name: 'weather', description: 'The weather', parameters: { type: 'object' } }
const user = { role: 'user' as const, content: 'How is it in Zürich and Nuuk?' }
const inputs = ['Zürich', 'Nuuk "north"']

function readCity(text: string): unknown {
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null ? Reflect.get(value, 'city') : undefined
}

const checkCompletion = (completion: OpenAI.ChatCompletion): void => {
  const [choice] = completion.choices
  assert.equal(choice?.finish_reason, 'tool_calls')
  assert.equal(choice.message.content, 'Let me look.')
  const calls = choice.message.tool_calls ?? []
  const read = calls.map((one) => [one.id, one.type === 'function' && one.function.arguments])
  assert.deepEqual(
    read.map(([id]) => id),
    ['call_a', 'call_b'],
  )
  assert.deepEqual(
    read.map(([, text]) => readCity(String(text))),
    inputs,
  )
  assert.equal(completion.usage?.prompt_tokens, 30)
  assert.equal(completion.usage?.prompt_tokens_details?.cached_tokens, 10)
}

const checkResponse = (response: OpenAI.Responses.Response): void => {
  assert.equal(response.status, 'completed')
  assert.equal(response.output_text, 'Let me look.')
  const calls = response.output.filter((one) => one.type === 'function_call')
  assert.deepEqual(
    calls.map((one) => one.call_id),
    ['call_a', 'call_b'],
  )
  assert.deepEqual(
    calls.map((one) => readCity(one.arguments)),
    inputs,
  )
  const [thought] = response.output
  assert.deepEqual(thought?.type === 'reasoning' && thought.summary, [
    { type: 'summary_text', text: 'Two cities.' },
  ])
  assert.equal(response.usage?.input_tokens, 30)
  assert.equal(response.usage.input_tokens_details.cached_tokens, 10)
}

const checkMessage = (message: Anthropic.Message): void => {
  assert.equal(message.stop_reason, 'tool_use')
  const types = message.content.map((block) => block.type)
  // Thoughts without a signature of Anthropic's are not told.
  assert.deepEqual(types, ['text', 'tool_use', 'tool_use'])
  const calls = message.content.filter((block) => block.type === 'tool_use')
  assert.deepEqual(
    calls.map((block) => [block.id, block.input]),
    [
      ['call_a', { city: inputs[0] }],
      ['call_b', { city: inputs[1] }],
    ],
  )
  assert.equal(message.usage.input_tokens, 20)
  assert.equal(message.usage.cache_read_input_tokens, 10)
  assert.equal(message.usage.output_tokens, 12)
}

function replay(api: Api): typeof fetch {
  const headers = { 'content-type': 'text/event-stream' }
  return async () => new Response(replyAsStream({ api, body: bodies[api] }).join(''), { headers })
}

for (const from of ['messages', 'responses'] as const) {
  describe(`openai's Chat Completions client, from ${from}`, () => {
    const client = new OpenAI({ apiKey: 'k', maxRetries: 0, fetch: answer(from, 'chat') })
    const asked = {
      model: 'm',
      messages: [user],
      tools: [{ type: 'function' as const, function: tool }],
    }
    test('a whole reply', async () => checkCompletion(await client.chat.completions.create(asked)))

    test('a stream', async () => {
      const options = { stream_options: { include_usage: true } }
      const stream = client.chat.completions.stream({ ...asked, ...options })
      checkCompletion(await stream.finalChatCompletion())
    })
  })
}

for (const from of ['messages', 'chat'] as const) {
  describe(`openai's Responses client, from ${from}`, () => {
    const client = new OpenAI({ apiKey: 'k', maxRetries: 0, fetch: answer(from, 'responses') })
    const asked = {
      model: 'm',
      input: user.content,
      tools: [{ type: 'function' as const, strict: null, ...tool }],
    }
    test('a whole reply', async () => checkResponse(await client.responses.create(asked)))

    test('a stream, with every event numbered', async () => {
      const stream = client.responses.stream(asked)
      const numbers: number[] = []
      for await (const event of stream) numbers.push(event.sequence_number)
      assert.deepEqual(
        numbers,
        numbers.map((_, index) => index),
      )
      checkResponse(await stream.finalResponse())
    })
  })
}

for (const from of ['chat', 'responses'] as const) {
  describe(`Anthropic's client, from ${from}`, () => {
    const client = new Anthropic({ apiKey: 'k', maxRetries: 0, fetch: answer(from, 'messages') })
    const tools = [{ name: tool.name, input_schema: { type: 'object' as const } }]
    const asked = { model: 'm', max_tokens: 50, messages: [user], tools }
    test('a whole reply', async () => checkMessage(await client.messages.create(asked)))

    test('a stream', async () => checkMessage(await client.messages.stream(asked).finalMessage()))
  })
}

describe('the clients read a replayed reply of their own wire', () => {
  test('Chat Completions', async () => {
    const client = new OpenAI({ apiKey: 'k', maxRetries: 0, fetch: replay('chat') })
    const stream = client.chat.completions.stream({ model: 'm', messages: [user] })
    const completion = await stream.finalChatCompletion()
    assert.equal(completion.choices[0]?.message.tool_calls?.length, 2)
    assert.equal(completion.usage?.total_tokens, 42)
  })

  test('Responses', async () => {
    const client = new OpenAI({ apiKey: 'k', maxRetries: 0, fetch: replay('responses') })
    const response = await client.responses.stream({ model: 'm', input: 'x' }).finalResponse()
    assert.equal(response.output_text, 'Let me look.')
    assert.equal(response.output.length, 4)
  })

  test('Messages', async () => {
    const client = new Anthropic({ apiKey: 'k', maxRetries: 0, fetch: replay('messages') })
    const asked = { model: 'm', max_tokens: 5, messages: [user] }
    const message = await client.messages.stream(asked).finalMessage()
    assert.equal(message.content.length, 4)
    assert.equal(message.usage.output_tokens, 12)
  })
})
