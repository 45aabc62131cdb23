import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { CompiledEndpoint } from '../../core/pact/compiled.ts'
import { anthropicCountTokens } from './anthropic-messages.ts'
import { setMembers } from './set-members.ts'
import type { ModelWire } from './wire.ts'
import { rawText } from './wire.ts'
import { modelWires, upstreamWire } from './wires.ts'

const { chat, responses, messages, embeddings } = modelWires

function read(wire: ModelWire, body: object) {
  return wire.readRequest(Buffer.from(JSON.stringify({ model: 'm', ...body })))
}

function bound(input: unknown) {
  return read(embeddings, { input }).promptTokensMax
}

function reply(wire: ModelWire, body: object) {
  return wire.readReply(Buffer.from(JSON.stringify(body)))
}

function endpoint(more: Partial<CompiledEndpoint> = {}): CompiledEndpoint {
  return {
    name: 'one',
    wire: 'openai',
    apis: new Set(['chat']),
    baseUrl: 'https://h/v1',
    upstreamModel: 'm',
    apiKeyEnvs: [],
    auth: 'bearer',
    tier: 0,
    weight: 1,
    outputLimitField: 'max_tokens',
    prices: undefined,
    probe: undefined,
    ...more,
  }
}

suite('what a wire reads of a request', () => {
  test('the names of tools, and the types of those that a provider has built in', () => {
    const tools = {
      chat: [
        { type: 'function', function: { name: 'a' } },
        { type: 'custom', custom: { name: 'b' } },
      ],
      responses: [{ type: 'function', name: 'a' }, { type: 'web_search' }],
      messages: [{ name: 'a' }, { type: 'web_search_20250305', name: 'web_search' }],
    }
    assert.deepEqual(read(chat, { messages: [], tools: tools.chat }).toolNames, ['a', 'b'])
    const asked = read(responses, { input: 'x', tools: tools.responses })
    assert.deepEqual(asked.toolNames, ['a', 'web_search'])
    const told = read(messages, { messages: [], tools: tools.messages })
    assert.deepEqual(told.toolNames, ['a', 'web_search'])
  })

  const outside: [string, ModelWire, object, boolean][] = [
    ['an image by its URL', chat, { image_url: { url: 'https://h/a.png' } }, true],
    ['an image in the body', chat, { image_url: { url: 'data:image/png;base64,AA' } }, false],
    ['a file by its id', chat, { file: { file_id: 'f' } }, true],
    ['an image by its URL', responses, { image_url: 'https://h/a.png' }, true],
    ['a file by its id', responses, { file_id: 'f' }, true],
    ['a document in the body', responses, { file_data: 'data:application/pdf;base64,AA' }, false],
    ['a document by its URL', messages, { source: { type: 'url', url: 'https://h' } }, true],
    ['an image in the body', messages, { source: { type: 'base64', data: 'AA' } }, false],
  ]
  for (const [name, wire, part, isOutside] of outside) {
    test(`${wire.api}: ${name} is ${isOutside ? 'not ' : ''}bounded by the body`, () => {
      const type = { chat: 'image_url', responses: 'input_file', messages: 'document' }
      const content = [
        { type: Object.entries(type).find(([api]) => api === wire.api)?.[1], ...part },
      ]
      const turns = [{ role: 'user', content }]
      const request = read(wire, wire.api === 'responses' ? { input: turns } : { messages: turns })
      assert.equal(request.outside !== undefined, isOutside)
      assert.equal(request.inlineParts, 1)
    })
  }

  test('a document within the result of a tool is seen as well', () => {
    const image = { type: 'image', source: { type: 'file', file_id: 'f' } }
    const content = [{ type: 'tool_result', tool_use_id: 't', content: [image] }]
    const request = read(messages, { messages: [{ role: 'user', content }] })
    assert.deepEqual([request.inlineParts, request.outside], [1, 'the image by file'])
  })

  test('tools that the provider runs bring tokens that nobody has seen', () => {
    const tools = [{ type: 'web_search_20250305', name: 'web_search' }]
    assert.match(read(messages, { messages: [], tools }).outside ?? '', /web_search/)
    assert.match(read(responses, { input: '', tools: [{ type: 'mcp' }] }).outside ?? '', /mcp/)
    const own = [{ type: 'function', name: 'a' }]
    assert.equal(read(responses, { input: '', tools: own }).outside, undefined)
  })

  test('a list of tokens is bounded by its length', () => {
    assert.equal(bound([1, 2, 3]), 3)
    assert.equal(bound([[1, 2], [3]]), 3)
    assert.equal(bound('äh'), 3 + 4)
    assert.equal(bound(['a', 'b']), 2 + 8)
    for (const bad of [{}, [{}], [1, 'a'], [[1, 'a']], 7, undefined]) {
      assert.throws(() => bound(bad), { code: 'request.invalid' })
    }
  })

  test('counting tokens generates nothing', () => {
    const request = read(anthropicCountTokens, { messages: [], stream: true })
    assert.deepEqual([request.stream, request.maxOutputTokens], [false, 0])
  })
})

suite('what a wire changes of a body', () => {
  const cases: [string, ModelWire, object, Partial<CompiledEndpoint>, object][] = [
    ['chat, as the client names it', chat, { messages: [], max_tokens: 9 }, {}, { max_tokens: 5 }],
    [
      'chat, both names',
      chat,
      { messages: [], max_tokens: 9, max_completion_tokens: 8 },
      {},
      { max_tokens: 5, max_completion_tokens: 5 },
    ],
    [
      'chat, as the endpoint wants it',
      chat,
      { messages: [] },
      { outputLimitField: 'max_completion_tokens' },
      { max_completion_tokens: 5 },
    ],
    ['responses', responses, { input: '' }, {}, { max_output_tokens: 5 }],
    ['messages', messages, { messages: [], max_tokens: 9 }, {}, { max_tokens: 5 }],
    [
      'messages, whose thinking would not fit',
      messages,
      { messages: [], max_tokens: 9, thinking: { type: 'enabled', budget_tokens: 7 } },
      {},
      { max_tokens: 5, thinking: { type: 'disabled' } },
    ],
  ]
  for (const [name, wire, body, more, expected] of cases) {
    test(`a smaller limit: ${name}`, () => {
      const request = read(wire, body)
      const members = wire.changes(request, { endpoint: endpoint(more), outputTokens: 5 })
      const changed = setMembers(JSON.stringify({ model: 'm', ...body }), members)
      assert.deepEqual(JSON.parse(changed), { model: 'm', ...body, ...expected })
    })
  }

  test('nothing, where nothing must change', () => {
    for (const wire of [chat, responses, messages, embeddings]) {
      const request = read(wire, { messages: [], input: '' })
      const upstream = { endpoint: endpoint(), outputTokens: undefined }
      assert.deepEqual(wire.changes(request, upstream), [], wire.api)
    }
  })
})

suite('what a wire reads of a reply', () => {
  test('the parts of its usage that have prices of their own', () => {
    const usage = {
      input_tokens: 10,
      cache_read_input_tokens: 20,
      cache_creation_input_tokens: 30,
      cache_creation: { ephemeral_5m_input_tokens: 12, ephemeral_1h_input_tokens: 18 },
      output_tokens: 7,
      service_tier: 'priority',
    }
    assert.deepEqual(reply(messages, { content: [], usage }), {
      usage: {
        promptTokens: 60,
        cachedTokens: 20,
        cacheWriteTokens: 12,
        cacheWriteLongTokens: 18,
        completionTokens: 7,
      },
      toolNames: [],
      terms: { serviceTier: 'priority' },
    })
    const told = reply(responses, {
      output: [],
      service_tier: 'flex',
      usage: {
        input_tokens: 10,
        input_tokens_details: { cached_tokens: 4 },
        output_tokens: 9,
        output_tokens_details: { reasoning_tokens: 8 },
      },
    })
    const expected = { promptTokens: 10, cachedTokens: 4, completionTokens: 9, reasoningTokens: 8 }
    assert.deepEqual([told.usage, told.terms], [expected, { serviceTier: 'flex' }])
  })

  test('the tools that it calls, those that the provider ran included', () => {
    const output = [
      { type: 'function_call', name: 'a' },
      { type: 'web_search_call' },
      { type: 'mcp_call', name: 'c' },
      { type: 'message', content: [] },
    ]
    assert.deepEqual(reply(responses, { output }).toolNames, ['a', 'web_search', 'c'])
    const content = [
      { type: 'tool_use', name: 'a' },
      { type: 'server_tool_use', name: 'web_search' },
    ]
    assert.deepEqual(reply(messages, { content }).toolNames, ['a', 'web_search'])
  })

  test('what is no reply of its API is refused', () => {
    for (const wire of [chat, responses, messages, embeddings, anthropicCountTokens]) {
      for (const body of ['<html>', '{}', 'null', '[]', '{"choices":{},"data":1}']) {
        assert.throws(() => wire.readReply(Buffer.from(body)), { code: 'upstream.invalid' })
      }
    }
  })
})

suite('what a wire reads of a stream', () => {
  const errors: [ModelWire, string][] = [
    [chat, 'data: {"error":{"message":"busy"}}\n\n'],
    [responses, 'event: error\ndata: {"type":"error","message":"busy"}\n\n'],
    [
      responses,
      'data: {"type":"response.failed","response":{"error":{"message":"busy"},"usage":null}}\n\n',
    ],
    [messages, 'event: error\ndata: {"type":"error","error":{"message":"busy"}}\n\n'],
  ]
  for (const [wire, event] of errors) {
    test(`${wire.api}: an error ends it, and it is not complete`, () => {
      const scanner = wire.createScanner(read(wire, { messages: [], input: '', stream: true }))
      assert.equal(scanner.take(event), 'last')
      assert.deepEqual([scanner.failure(), scanner.isComplete()], ['busy', false])
    })
  }

  test('text that only speaks of errors and usage is text', () => {
    const content = 'an "error" with "usage": {"a":1} and "response.completed"'
    const event = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`
    const scanner = chat.createScanner(read(chat, { messages: [] }))
    assert.equal(scanner.take(event), 'pass')
    assert.equal(scanner.failure(), undefined)
    const delta = `data: ${JSON.stringify({ type: 'response.output_text.delta', delta: content })}\n\n`
    const other = responses.createScanner(read(responses, { input: '' }))
    assert.equal(other.take(delta), 'pass')
    assert.equal(other.isComplete(), false)
  })

  test('an event that was cut off is not passed on, and a comment is', () => {
    for (const wire of [chat, responses, messages]) {
      const scanner = wire.createScanner(read(wire, { messages: [], input: '' }))
      for (const event of ['data: {"a":\n\n', 'data: <html>\n\n', 'event: x\ndata: "a\n\n']) {
        assert.throws(() => scanner.take(event), { code: 'upstream.invalid' })
      }
      assert.equal(scanner.take(': still here\n\n'), 'pass')
    }
  })

  test('the text of a delta is found without parsing it', () => {
    assert.equal(chat.deltaOf('data: {"choices":[{"delta":{"content":"a\\"b"}}]}'), 'a\\"b')
    assert.equal(chat.deltaOf('data: {"choices":[{"delta":{"content":""}}]}'), '')
    assert.equal(
      chat.deltaOf(
        'data: {"delta":{"content": null,"tool_calls":[{"function":{"arguments":"{"}}]}}',
      ),
      '{',
    )
    assert.equal(messages.deltaOf('data: {"delta":{"type":"text_delta","text":"hi"}}'), 'hi')
    const delta = 'data: {"type":"response.output_text.delta","delta":"hi"}'
    assert.equal(responses.deltaOf(delta), 'hi')
    assert.equal(rawText('"content":"never closed', ['content']), 'never closed')
  })
})

suite('the wire that an endpoint is asked on', () => {
  test('is the client’s own where it can be, else the first that can be translated to', () => {
    const all = endpoint({ apis: new Set(['embeddings', 'responses', 'chat']) })
    const anthropic = endpoint({ wire: 'anthropic', apis: new Set(['messages']) })
    assert.equal(upstreamWire(all, responses), responses)
    assert.equal(upstreamWire(all, messages), chat)
    assert.equal(upstreamWire(anthropic, chat), messages)
    assert.equal(upstreamWire(anthropic, embeddings), undefined)
    assert.equal(upstreamWire(anthropic, anthropicCountTokens), anthropicCountTokens)
    assert.equal(upstreamWire(all, anthropicCountTokens), undefined)
    assert.equal(upstreamWire(endpoint({ apis: new Set(['embeddings']) }), chat), undefined)
  })
})

test('thoughts that an endpoint of another wire had do not go to OpenAI; its own do', () => {
  const own = { type: 'reasoning', id: 'rs_68af', summary: [], encrypted_content: 'gAAAA' }
  const sealed = { ...own, encrypted_content: 'anthropic-signature:abc' }
  const redacted = { ...own, encrypted_content: 'anthropic-redacted:abc' }
  const named = {
    type: 'reasoning',
    id: 'rs_0199a1b2-0000-7000-8000-000000000000_0',
    summary: [{ type: 'summary_text', text: 'so' }],
  }
  const said = { role: 'user', content: 'anthropic-signature:abc' }
  const request = read(responses, { input: [said, sealed, own, redacted, named] })
  const members = responses.changes(request, { endpoint: endpoint(), outputTokens: undefined })
  const sent = setMembers(JSON.stringify(request.json), members)
  assert.deepEqual(JSON.parse(sent), { model: 'm', input: [said, own] })
  const unchanged = read(responses, { input: [said, own] })
  const none = { endpoint: endpoint(), outputTokens: undefined }
  assert.deepEqual(responses.changes(unchanged, none), [])
})

test('what a broken Messages stream has told is known with what was read from the cache', () => {
  const scanner = messages.createScanner(read(messages, { messages: [] }))
  const usage = { input_tokens: 10, cache_read_input_tokens: 90, output_tokens: 1 }
  const event = JSON.stringify({ type: 'message_start', message: { usage } })
  scanner.take(`event: message_start\ndata: ${event}\n\n`)
  assert.deepEqual(scanner.partial(), {
    promptTokens: 100,
    cachedTokens: 90,
    completionTokens: 1,
  })
})
