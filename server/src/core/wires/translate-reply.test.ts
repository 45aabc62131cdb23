// Replies and streams: whole and streamed say the same, however the stream is cut; what ends badly
// never looks like a good end.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { AirworthyError } from '../errors.ts'
import type { SentEvent, TranslatableApi, TranslationContext } from './conversation.ts'
import {
  collectStream,
  createStreamTranslator,
  replyAsStream,
  translateReply,
} from './translate.ts'

const apis = ['chat', 'responses', 'messages'] as const
const pairs = apis.flatMap((from) =>
  apis.filter((to) => to !== from).map((to) => [from, to] as const),
)

const request: TranslationContext = {
  id: 'call-1',
  createdAt: 1_700_000_000,
  body: { model: 'asked', stream_options: { include_usage: true } },
}

function readEvents(texts: readonly string[]): SentEvent[] {
  return texts
    .join('')
    .split('\n\n')
    .filter((text) => text !== '')
    .map((text) => {
      const [first = '', second] = text.split('\n')
      if (second === undefined) return { data: first.slice('data: '.length) }
      return { event: first.slice('event: '.length), data: second.slice('data: '.length) }
    })
}

function collect(api: TranslatableApi, events: readonly SentEvent[]): object | undefined {
  const collector = collectStream({ api })
  for (const event of events) collector.push(event)
  return collector.reply()
}

function translateEvents(
  [from, to]: readonly [TranslatableApi, TranslatableApi],
  events: readonly SentEvent[],
): SentEvent[] {
  const translator = createStreamTranslator({ from, to, request })
  const written = events.flatMap((event) => translator.push(event))
  return readEvents([...written, ...translator.finish()])
}

type Said = {
  readonly text: string
  readonly calls: readonly { readonly id: string; readonly input: object }[]
  readonly isCut: boolean
  readonly usage: readonly [number, number, number]
}

const said: fc.Arbitrary<Said> = fc.record({
  text: fc.string({ minLength: 1, unit: 'grapheme' }),
  calls: fc.uniqueArray(
    fc.record({
      id: fc.stringMatching(/^call_[a-z0-9]{4,8}$/),
      input: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.oneof(fc.string(), fc.integer()), {
        noNullPrototype: true,
      }),
    }),
    { selector: ({ id }) => id, maxLength: 3 },
  ),
  isCut: fc.boolean(),
  usage: fc.tuple(fc.nat(999), fc.nat(999), fc.nat(999)),
})

/** What was said, as a whole reply of each wire. */
const bodies: Record<TranslatableApi, (said: Said) => object> = {
  chat: ({ text, calls, isCut, usage: [fresh, cached, completion] }) => ({
    id: 'up',
    object: 'chat.completion',
    created: 5,
    model: 'big',
    system_fingerprint: 'fp',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: text,
          refusal: null,
          ...(calls.length === 0
            ? {}
            : {
                tool_calls: calls.map(({ id, input }) => ({
                  id,
                  type: 'function',
                  function: { name: 'f', arguments: JSON.stringify(input) },
                })),
              }),
        },
        logprobs: null,
        finish_reason: isCut ? 'length' : calls.length > 0 ? 'tool_calls' : 'stop',
      },
    ],
    usage: {
      prompt_tokens: fresh + cached,
      completion_tokens: completion,
      total_tokens: fresh + cached + completion,
      prompt_tokens_details: { cached_tokens: cached },
      completion_tokens_details: { reasoning_tokens: 0 },
    },
  }),
  messages: ({ text, calls, isCut, usage: [fresh, cached, completion] }) => ({
    id: 'up',
    type: 'message',
    role: 'assistant',
    model: 'big',
    content: [
      { type: 'text', text, citations: null },
      ...calls.map(({ id, input }) => ({ type: 'tool_use', id, name: 'f', input })),
    ],
    stop_reason: isCut ? 'max_tokens' : calls.length > 0 ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: fresh,
      cache_read_input_tokens: cached,
      cache_creation_input_tokens: 0,
      output_tokens: completion,
      inference_geo: 'eu',
    },
  }),
  responses: ({ text, calls, isCut, usage: [fresh, cached, completion] }) => ({
    id: 'up',
    object: 'response',
    created_at: 5,
    model: 'big',
    status: isCut ? 'incomplete' : 'completed',
    incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
    error: null,
    service_tier: 'default',
    output: [
      {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text, annotations: [], logprobs: [] }],
      },
      ...calls.map(({ id, input }, index) => ({
        id: `fc_${index}`,
        type: 'function_call',
        status: 'completed',
        call_id: id,
        name: 'f',
        arguments: JSON.stringify(input),
      })),
    ],
    usage: {
      input_tokens: fresh + cached,
      input_tokens_details: { cached_tokens: cached, cache_write_tokens: 0 },
      output_tokens: completion,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: fresh + cached + completion,
    },
  }),
}

/** Cuts each delta of text into pieces of at most `size` characters. */
function cutDeltas(events: readonly SentEvent[], size: number): SentEvent[] {
  const path = /"(?:content|arguments|text|partial_json|delta)":("(?:[^"\\]|\\.)+")/
  return events.flatMap((event) => {
    const isDelta = event.event === undefined || event.event.endsWith('delta')
    const found = isDelta ? path.exec(event.data) : null
    if (found?.[1] === undefined || event.data.includes('"id":"call_')) return [event]
    const text: string = JSON.parse(found[1])
    const pieces: SentEvent[] = []
    for (let at = 0; at < text.length; at += size) {
      const piece = found[0].replace(found[1], () => JSON.stringify(text.slice(at, at + size)))
      pieces.push({ ...event, data: event.data.replace(found[0], () => piece) })
    }
    return pieces
  })
}

const chunk = (delta: object, finish: string | null = null): SentEvent => ({
  data: JSON.stringify({ id: 'c', model: 'm', choices: [{ delta, finish_reason: finish }] }),
})

const fragment = (index: number, text: string, id?: string): object => {
  const named = id === undefined ? {} : { id, type: 'function' }
  const name = id === undefined ? {} : { name: `tool_${id}` }
  return { index, ...named, function: { ...name, arguments: text } }
}

const message = (members: object): object => ({
  ...bodies.messages({ text: 'a', calls: [], isCut: false, usage: [1, 2, 3] }),
  ...members,
})

describe('laws', () => {
  for (const [from, to] of pairs) {
    test(`a stream from ${from} to ${to} says what the whole reply says, however it is cut`, () => {
      fc.assert(
        fc.property(said, fc.integer({ min: 1, max: 9 }), (what, size) => {
          const body = bodies[from](what)
          const whole = translateReply({ from, to, body, request })
          const events = readEvents(replyAsStream({ api: from, body }))
          for (const cut of [events, cutDeltas(events, size)]) {
            assert.deepEqual(collect(to, translateEvents([from, to], cut)), whole)
          }
        }),
      )
    })

    test(`what ${from} said survives ${to}: text, calls, end and usage`, () => {
      fc.assert(
        fc.property(said, (what) => {
          const there = translateReply({ from, to, body: bodies[from](what), request })
          const direct = translateReply({ from: to, to: from, body: bodies[to](what), request })
          assert.deepEqual(translateReply({ from: to, to: from, body: there, request }), direct)
        }),
      )
    })

    test(`a stream from ${from} to ${to} that is cut anywhere has no end`, () => {
      fc.assert(
        fc.property(said, fc.nat(), (what, at) => {
          const events = readEvents(replyAsStream({ api: from, body: bodies[from](what) }))
          const translator = createStreamTranslator({ from, to, request })
          const kept = events.slice(0, at % events.length)
          const written = kept.flatMap((event) => translator.push(event))
          assert.equal(collect(to, readEvents(written)), undefined)
          assert.throws(() => translator.finish(), { code: 'upstream.interrupted' })
        }),
      )
    })
  }

  for (const api of apis) {
    test(`a whole ${api} reply and its stream are the same, members of its own included`, () => {
      fc.assert(
        fc.property(said, fc.integer({ min: 1, max: 9 }), (what, size) => {
          const body = bodies[api](what)
          const events = readEvents(replyAsStream({ api, body }))
          assert.deepEqual(collect(api, events), body)
          if (api !== 'responses') assert.deepEqual(collect(api, cutDeltas(events, size)), body)
          for (let at = 0; at < events.length; at += 1) {
            assert.equal(collect(api, events.slice(0, at)), undefined)
          }
        }),
      )
    })
  }
})

describe('a stream', () => {
  const interleaved = [
    chunk({ role: 'assistant', tool_calls: [fragment(0, '', 'a')] }),
    chunk({ tool_calls: [fragment(0, '{"x":'), fragment(1, '{"y"', 'b')] }),
    chunk({ tool_calls: [fragment(1, ':2')] }),
    chunk({ tool_calls: [fragment(2, '', 'c'), fragment(0, '1}')] }),
    chunk({ tool_calls: [fragment(1, '}')] }),
    chunk({}, 'tool_calls'),
    { data: '[DONE]' },
  ]

  test('with fragments of several calls in turn gives each call whole, one after another', () => {
    const events = translateEvents(['chat', 'messages'], interleaved)
    const order = events.map(({ data }) => {
      const { type, index } = JSON.parse(data)
      return index === undefined ? type : `${type} ${index}`
    })
    const blocks = order.filter((step) => step.startsWith('content_block_st'))
    assert.deepEqual(
      blocks,
      [0, 1, 2].flatMap((at) => [`content_block_start ${at}`, `content_block_stop ${at}`]),
    )
    const reply = collect('messages', events)
    assert.deepEqual(Reflect.get(reply ?? {}, 'content'), [
      { type: 'tool_use', id: 'a', name: 'tool_a', input: { x: 1 } },
      { type: 'tool_use', id: 'b', name: 'tool_b', input: { y: 2 } },
      { type: 'tool_use', id: 'c', name: 'tool_c', input: {} },
    ])
  })

  test('passes the second call on as soon as the first is whole', () => {
    const translator = createStreamTranslator({ from: 'chat', to: 'messages', request })
    const early = interleaved.slice(0, 4).flatMap((event) => translator.push(event))
    assert.ok(early.join('').includes('tool_b'))
    assert.equal(early.join('').includes('tool_c'), false)
  })

  test('that ends in an error of the upstream throws it, and ends nothing', () => {
    const told = { type: 'overloaded_error', code: 'server_error', message: 'too busy' }
    const failures: [TranslatableApi, object][] = [
      ['chat', { error: told }],
      ['messages', { type: 'error', error: told }],
      ['responses', { ...told, type: 'error' }],
      ['responses', { type: 'response.failed', response: { status: 'failed', error: told } }],
    ]
    for (const [from, event] of failures) {
      for (const to of apis.filter((api) => api !== from)) {
        const translator = createStreamTranslator({ from, to, request })
        assert.throws(
          () => translator.push({ data: JSON.stringify(event) }),
          (thrown) => {
            assert.ok(thrown instanceof AirworthyError)
            assert.equal(thrown.code, 'upstream.interrupted')
            assert.match(JSON.stringify(thrown.detail), /too busy/)
            return true
          },
        )
        assert.throws(() => translator.finish(), { code: 'upstream.interrupted' })
      }
    }
  })

  test('with a broken event is not readable', () => {
    for (const [from, to] of pairs) {
      const translator = createStreamTranslator({ from, to, request })
      assert.throws(() => translator.push({ data: '{"id":' }), { code: 'upstream.invalid' })
    }
  })

  test('tells its usage in chunks only to who asked for it', () => {
    const body = bodies.messages({ text: 'a', calls: [], isCut: false, usage: [1, 2, 3] })
    const events = readEvents(replyAsStream({ api: 'messages', body }))
    const silent = { ...request, body: { model: 'asked' } }
    const translator = createStreamTranslator({ from: 'messages', to: 'chat', request: silent })
    const written = events.flatMap((event) => translator.push(event)).join('')
    assert.equal(written.includes('usage'), false)
    assert.ok(written.endsWith('data: [DONE]\n\n'))
  })

  test('lets pings and comments pass', () => {
    const translator = createStreamTranslator({ from: 'messages', to: 'chat', request })
    assert.deepEqual(translator.push({ event: 'ping', data: '{"type":"ping"}' }), [])
    assert.deepEqual(translator.push({ data: '' }), [])
  })
})

describe('a reply', () => {
  test('counts what was read from and written to a cache as part of the prompt', () => {
    const usage = {
      input_tokens: 10,
      cache_read_input_tokens: 20,
      cache_creation_input_tokens: 30,
      output_tokens: 5,
      output_tokens_details: { thinking_tokens: 2 },
    }
    const reply = translateReply({
      from: 'messages',
      to: 'chat',
      body: message({ usage }),
      request,
    })
    assert.deepEqual(Reflect.get(reply, 'usage'), {
      prompt_tokens: 60,
      completion_tokens: 5,
      total_tokens: 65,
      prompt_tokens_details: { cached_tokens: 20, cache_write_tokens: 30 },
      completion_tokens_details: { reasoning_tokens: 2 },
    })
  })

  test('ends for the same reason', () => {
    const reasons = [
      ['end_turn', 'stop', 'completed'],
      ['stop_sequence', 'stop', 'completed'],
      ['max_tokens', 'length', 'incomplete'],
      ['model_context_window_exceeded', 'length', 'incomplete'],
      ['refusal', 'content_filter', 'incomplete'],
    ]
    for (const [reason, finish, status] of reasons) {
      const body = message({ stop_reason: reason })
      const chat = translateReply({ from: 'messages', to: 'chat', body, request })
      assert.equal(Reflect.get(chat, 'choices')[0].finish_reason, finish)
      const response = translateReply({ from: 'messages', to: 'responses', body, request })
      assert.equal(Reflect.get(response, 'status'), status)
    }
    for (const reason of ['pause_turn', 'some_new_reason']) {
      const body = message({ stop_reason: reason })
      const run = (): object => translateReply({ from: 'messages', to: 'chat', body, request })
      assert.throws(run, { code: 'upstream.invalid' })
    }
  })

  test('whose tool call has broken arguments never becomes text', () => {
    const called = { id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":' } }
    const choice = { message: { content: null, tool_calls: [called] }, finish_reason: 'length' }
    const run = (): object =>
      translateReply({ from: 'chat', to: 'messages', body: { choices: [choice] }, request })
    assert.throws(run, { code: 'upstream.invalid' })
  })

  test('a forced call that ends with `stop` is a call', () => {
    const called = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }
    const choice = { message: { content: null, tool_calls: [called] }, finish_reason: 'stop' }
    const body = { choices: [choice] }
    const reply = translateReply({ from: 'chat', to: 'messages', body, request })
    assert.equal(Reflect.get(reply, 'stop_reason'), 'tool_use')
  })

  test("another provider's thought is no block for Anthropic's client, which sees pings", () => {
    const choice = { message: { content: 'a', reasoning_content: 'hm' }, finish_reason: 'stop' }
    const body = { choices: [choice] }
    const whole = translateReply({ from: 'chat', to: 'messages', body, request })
    assert.deepEqual(Reflect.get(whole, 'content'), [{ type: 'text', text: 'a', citations: null }])
    const events = readEvents(replyAsStream({ api: 'chat', body }))
    const written = translateEvents(['chat', 'messages'], events)
    assert.ok(written.some(({ event }) => event === 'ping'))
    assert.deepEqual(collect('messages', written), whole)
  })

  test('a refusal is one everywhere', () => {
    const choice = { message: { content: null, refusal: 'no' }, finish_reason: 'stop' }
    const body = { choices: [choice] }
    const reply = translateReply({ from: 'chat', to: 'messages', body, request })
    assert.equal(Reflect.get(reply, 'stop_reason'), 'refusal')
    const response = translateReply({ from: 'chat', to: 'responses', body, request })
    const [item] = Reflect.get(response, 'output')
    assert.deepEqual(item.content, [{ type: 'refusal', refusal: 'no' }])
  })

  test("Anthropic's thoughts keep their signature for who asks for it", () => {
    const content = [
      { type: 'thinking', thinking: 'hm', signature: 'sig' },
      { type: 'redacted_thinking', data: 'secret' },
    ]
    const asking = { ...request, body: { include: ['reasoning.encrypted_content'] } }
    const body = message({ content })
    for (const [context, seals] of [
      [asking, ['anthropic-signature:sig', 'anthropic-redacted:secret']],
      [request, [undefined]],
    ] as const) {
      const whole = translateReply({ from: 'messages', to: 'responses', body, request: context })
      const output: { encrypted_content?: string }[] = Reflect.get(whole, 'output')
      assert.deepEqual(
        output.map((item) => item.encrypted_content),
        seals,
      )
      const translator = createStreamTranslator({
        from: 'messages',
        to: 'responses',
        request: context,
      })
      const events = readEvents(replyAsStream({ api: 'messages', body }))
      const written = readEvents(events.flatMap((event) => translator.push(event)))
      assert.deepEqual(collect('responses', written), whole)
    }
  })
})
