// Requests: what becomes of each part of them, and what is refused by name.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AirworthyError } from '../errors.ts'
import type { TranslatableApi } from './conversation.ts'
import { translateRequest } from './translate.ts'

const upstreamModel = 'upstream'

function translate(from: TranslatableApi, to: TranslatableApi, body: object): object {
  return translateRequest({ from, to, body, upstreamModel, outputTokens: 100 }).body
}

const user = { role: 'user', content: 'hi' }
const bare = {
  chat: { model: 'm', messages: [user] },
  responses: { model: 'm', input: 'hi' },
  messages: { model: 'm', max_tokens: 9, messages: [user] },
} as const

function refusal(run: () => unknown): AirworthyError {
  let thrown: unknown
  try {
    run()
  } catch (caught) {
    thrown = caught
  }
  assert.ok(thrown instanceof AirworthyError, `not refused: ${String(thrown)}`)
  return thrown
}

const tool = { name: 'f', parameters: { type: 'object' } }
const fileId = { type: 'file', file: { file_id: 'file-1' } }

/** Field by its path, the wires it is refused on the way to, and the members that have it. */
const refused: [TranslatableApi, TranslatableApi[], string, object][] = [
  ['chat', ['responses', 'messages'], 'seed', { seed: 1 }],
  ['chat', ['responses', 'messages'], 'n', { n: 2 }],
  ['chat', ['responses', 'messages'], 'logprobs', { logprobs: true }],
  ['chat', ['responses', 'messages'], 'top_logprobs', { top_logprobs: 3 }],
  ['chat', ['responses', 'messages'], 'frequency_penalty', { frequency_penalty: 0.5 }],
  ['chat', ['responses', 'messages'], 'presence_penalty', { presence_penalty: -1 }],
  ['chat', ['responses', 'messages'], 'logit_bias', { logit_bias: { 5: 1 } }],
  ['chat', ['responses', 'messages'], 'modalities', { modalities: ['text', 'audio'] }],
  ['chat', ['responses', 'messages'], 'audio', { audio: { voice: 'x', format: 'wav' } }],
  ['chat', ['responses', 'messages'], 'prediction', { prediction: { type: 'content' } }],
  ['chat', ['responses', 'messages'], 'web_search_options', { web_search_options: { a: 1 } }],
  ['chat', ['responses', 'messages'], 'functions', { functions: [tool] }],
  ['chat', ['responses', 'messages'], 'function_call', { function_call: 'auto' }],
  ['chat', ['responses', 'messages'], 'brand_new_field', { brand_new_field: 1 }],
  ['chat', ['responses'], 'stop', { stop: ['END'] }],
  ['chat', ['messages'], 'temperature', { temperature: 1.5 }],
  ['chat', ['messages'], 'store', { store: true }],
  ['chat', ['messages'], 'service_tier', { service_tier: 'flex' }],
  ['chat', ['messages'], 'verbosity', { verbosity: 'low' }],
  ['chat', ['messages'], 'reasoning_effort', { reasoning_effort: 'minimal' }],
  ['chat', ['messages'], 'response_format', { response_format: { type: 'json_object' } }],
  ['chat', ['responses', 'messages'], 'tools[0].type', { tools: [{ type: 'custom', custom: {} }] }],
  [
    'chat',
    ['responses', 'messages'],
    'tools[0].function.color',
    { tools: [{ type: 'function', function: { ...tool, color: 'red' } }] },
  ],
  [
    'chat',
    ['responses', 'messages'],
    'tool_choice.type',
    { tool_choice: { type: 'allowed_tools', allowed_tools: {} } },
  ],
  ['chat', ['responses', 'messages'], 'messages[0].name', { messages: [{ ...user, name: 'Ann' }] }],
  [
    'chat',
    ['responses', 'messages'],
    'messages[0].role',
    { messages: [{ role: 'function', name: 'f', content: '' }] },
  ],
  [
    'chat',
    ['responses', 'messages'],
    'messages[0].content[0].file.file_id',
    { messages: [{ role: 'user', content: [fileId] }] },
  ],
  [
    'chat',
    ['responses', 'messages'],
    'messages[0].content[0].type',
    { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }] },
  ],
  ['responses', ['chat', 'messages'], 'previous_response_id', { previous_response_id: 'resp_1' }],
  ['responses', ['chat', 'messages'], 'conversation', { conversation: 'conv_1' }],
  ['responses', ['chat', 'messages'], 'background', { background: true }],
  ['responses', ['chat', 'messages'], 'truncation', { truncation: 'auto' }],
  ['responses', ['chat', 'messages'], 'max_tool_calls', { max_tool_calls: 2 }],
  ['responses', ['chat', 'messages'], 'prompt', { prompt: { id: 'p' } }],
  ['responses', ['chat', 'messages'], 'tools[0].type', { tools: [{ type: 'web_search' }] }],
  ['responses', ['chat', 'messages'], 'brand_new_field', { brand_new_field: { a: 1 } }],
  [
    'responses',
    ['chat', 'messages'],
    'input[0].type',
    { input: [{ type: 'item_reference', id: 'x' }] },
  ],
  [
    'responses',
    ['chat', 'messages'],
    'input[0].content[0].file_id',
    { input: [{ role: 'user', content: [{ type: 'input_image', file_id: 'f', detail: 'auto' }] }] },
  ],
  ['responses', ['messages'], 'text.verbosity', { text: { verbosity: 'high' } }],
  ['responses', ['messages'], 'temperature', { temperature: 2 }],
  ['responses', ['messages'], 'reasoning.effort', { reasoning: { effort: 'minimal' } }],
  ['messages', ['chat', 'responses'], 'top_k', { top_k: 5 }],
  ['messages', ['chat', 'responses'], 'container', { container: 'c' }],
  ['messages', ['chat', 'responses'], 'mcp_servers', { mcp_servers: [{}] }],
  ['messages', ['chat', 'responses'], 'speed', { speed: 'fast' }],
  ['messages', ['chat', 'responses'], 'brand_new_field', { brand_new_field: 'x' }],
  [
    'messages',
    ['chat', 'responses'],
    'thinking.type',
    { thinking: { type: 'enabled', budget_tokens: 2000 } },
  ],
  ['messages', ['responses'], 'stop_sequences', { stop_sequences: ['END'] }],
  [
    'messages',
    ['chat', 'responses'],
    'tools[0].type',
    { tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
  ],
  [
    'messages',
    ['chat', 'responses'],
    'messages[0].content[0].source.type',
    { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'file' } }] }] },
  ],
  [
    'messages',
    ['chat', 'responses'],
    'messages[0].content[0].citations.enabled',
    {
      messages: [
        {
          role: 'user',
          content: [
            {
              type: 'document',
              citations: { enabled: true },
              source: { type: 'text', media_type: 'text/plain', data: 'x' },
            },
          ],
        },
      ],
    },
  ],
]

const call = (id: string): object => {
  return { type: 'function_call', call_id: id, name: 'f', arguments: '{}' }
}

const result = (id: string): object => {
  return { type: 'function_call_output', call_id: id, output: id }
}

const withFile = (type: string): object => {
  const file = { filename: 'a', file_data: `data:${type};base64,aGk=` }
  return { ...bare.chat, messages: [{ role: 'user', content: [{ type: 'file', file }] }] }
}

const sourceOf = (body: object): unknown => {
  const [message] = Reflect.get(body, 'messages')
  return message.content[0].source
}

const system = (role: string, content: string): object => ({ role, content })

const thought = (seal: object): object => {
  return {
    type: 'reasoning',
    id: 'rs',
    summary: [{ type: 'summary_text', text: 't' }],
    ...seal,
  }
}

describe('what has no place in the other API is refused by name', () => {
  for (const [from, targets, field, members] of refused) {
    for (const to of targets) {
      test(`${field} from ${from} to ${to}`, () => {
        const error = refusal(() => translate(from, to, { ...bare[from], ...members }))
        assert.equal(error.code, 'request.untranslatable')
        assert.deepEqual(error.detail, { field, from, to })
        assert.ok(error.message.includes(`\`${field}\``), error.message)
      })
    }
  }

  test('but nothing is where the value asks for what would be done anyway', () => {
    const chat = { n: 1, logprobs: false, presence_penalty: 0, logit_bias: {}, seed: null }
    for (const to of ['responses', 'messages'] as const) {
      const hints = { ...chat, modalities: ['text'], stop: [], metadata: { a: 'b' } }
      assert.ok(translate('chat', to, { ...bare.chat, ...hints }))
    }
    const responses = { background: false, truncation: 'disabled', include: [] }
    assert.ok(translate('responses', 'messages', { ...bare.responses, ...responses }))
  })

  test('a Messages request without any limit on its output', () => {
    const error = refusal(() =>
      translateRequest({ from: 'chat', to: 'messages', body: bare.chat, upstreamModel }),
    )
    assert.deepEqual(error.detail?.['field'], 'max_completion_tokens')
  })

  test('embeddings have no like', () => {
    const error = refusal(() =>
      translateRequest({ from: 'embeddings', to: 'chat', body: {}, upstreamModel }),
    )
    assert.equal(error.code, 'request.untranslatable')
  })
})

describe('what a request says goes on', () => {
  test('old arguments that are no exact object are refused, not changed', () => {
    for (const text of ['{"a":', '[1]', '{"id":12345678901234567890}', '{"a":1,"a":2}']) {
      const called = { id: 'c', type: 'function', function: { name: 'f', arguments: text } }
      const messages = [user, { role: 'assistant', tool_calls: [called] }]
      const error = refusal(() => translate('chat', 'messages', { ...bare.chat, messages }))
      assert.equal(error.code, 'request.invalid_json')
    }
  })

  test('tool results come together and first, before what the user says', () => {
    const input = [
      user,
      call('a'),
      call('b'),
      result('a'),
      { ...user, content: 'so?' },
      result('b'),
    ]
    assert.deepEqual(translate('responses', 'messages', { model: 'm', input }), {
      model: upstreamModel,
      max_tokens: 100,
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'hi' }] },
        {
          role: 'assistant',
          content: ['a', 'b'].map((id) => ({ type: 'tool_use', id, name: 'f', input: {} })),
        },
        {
          role: 'user',
          content: [
            ...['a', 'b'].map((id) => ({
              type: 'tool_result',
              tool_use_id: id,
              content: [{ type: 'text', text: id }],
            })),
            { type: 'text', text: 'so?' },
          ],
        },
      ],
    })
  })

  test('a failed tool says so in its text where there is no mark', () => {
    const block = { type: 'tool_result', tool_use_id: 'a', is_error: true, content: 'no file' }
    const body = { ...bare.messages, messages: [{ role: 'user', content: [block] }] }
    assert.deepEqual(Reflect.get(translate('messages', 'chat', body), 'messages'), [
      { role: 'tool', tool_call_id: 'a', content: 'Error: no file' },
    ])
    assert.deepEqual(Reflect.get(translate('messages', 'responses', body), 'input'), [
      { type: 'function_call_output', call_id: 'a', output: 'Error: no file' },
    ])
  })

  test('an image in a tool result is refused where results are texts, and kept elsewhere', () => {
    const source = { type: 'base64', media_type: 'image/png', data: 'AAAA' }
    const block = { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'image', source }] }
    const body = { ...bare.messages, messages: [{ role: 'user', content: [block] }] }
    const error = refusal(() => translate('messages', 'chat', body))
    assert.equal(error.detail?.['field'], 'messages[0].content[0].content[0]')
    assert.deepEqual(Reflect.get(translate('messages', 'responses', body), 'input'), [
      {
        type: 'function_call_output',
        call_id: 'a',
        output: [{ type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'auto' }],
      },
    ])
  })

  test('documents: PDF and text have a place, others are refused', () => {
    assert.deepEqual(sourceOf(translate('chat', 'messages', withFile('application/pdf'))), {
      type: 'base64',
      media_type: 'application/pdf',
      data: 'aGk=',
    })
    assert.deepEqual(sourceOf(translate('chat', 'messages', withFile('text/plain'))), {
      type: 'text',
      media_type: 'text/plain',
      data: 'hi',
    })
    const error = refusal(() => translate('chat', 'messages', withFile('text/csv')))
    assert.equal(error.detail?.['field'], 'messages[0].content[0]')
  })

  test('leading instructions go apart, later ones keep their place', () => {
    const messages = [system('system', 'a'), system('developer', 'b'), user, system('system', 'c')]
    const body = translate('chat', 'messages', { ...bare.chat, messages })
    const texts = ['a', 'b'].map((text) => ({ type: 'text', text }))
    assert.deepEqual(Reflect.get(body, 'system'), texts)
    assert.deepEqual(Reflect.get(body, 'messages').at(-1), {
      role: 'system',
      content: [{ type: 'text', text: 'c' }],
    })
  })

  test('a thought goes back only with its signature', () => {
    const sealed = 'anthropic-signature:sig'
    const input = [user, thought({ encrypted_content: sealed }), thought({}), { ...user }]
    const body = translate('responses', 'messages', { model: 'm', input })
    assert.deepEqual(Reflect.get(body, 'messages')[1], {
      role: 'assistant',
      content: [{ type: 'thinking', thinking: 't', signature: 'sig' }],
    })
  })

  test('tool choice and parallel calls, all ways', () => {
    const tools = [{ type: 'function', function: tool }]
    const named = { type: 'function', function: { name: 'f' } }
    const cases: [unknown, boolean | undefined, unknown][] = [
      ['auto', undefined, { type: 'auto' }],
      ['none', false, { type: 'none' }],
      ['required', undefined, { type: 'any' }],
      [named, undefined, { type: 'tool', name: 'f' }],
      ['required', false, { type: 'any', disable_parallel_tool_use: true }],
      [undefined, false, { type: 'auto', disable_parallel_tool_use: true }],
      [undefined, undefined, undefined],
    ]
    for (const [choice, parallel, expected] of cases) {
      const members = { tools, tool_choice: choice, parallel_tool_calls: parallel }
      const body = translate('chat', 'messages', { ...bare.chat, ...members })
      assert.deepEqual(Reflect.get(body, 'tool_choice'), expected)
    }
  })

  test('what the provider would keep of a translated call is not kept, unless asked', () => {
    assert.equal(Reflect.get(translate('messages', 'responses', bare.messages), 'store'), false)
    const kept = translate('chat', 'responses', { ...bare.chat, store: true })
    assert.equal(Reflect.get(kept, 'store'), true)
  })

  test('the limit of the gateway wins, in the field that the endpoint knows', () => {
    const body = translateRequest({
      from: 'messages',
      to: 'chat',
      body: bare.messages,
      upstreamModel,
      outputTokens: 3,
      outputLimitField: 'max_tokens',
    }).body
    assert.equal(Reflect.get(body, 'max_tokens'), 3)
    assert.equal(Reflect.has(body, 'max_completion_tokens'), false)
  })

  test('the effort and the schema of the reply', () => {
    const schema = { type: 'object', properties: {} }
    const format = { type: 'json_schema', schema }
    const body = { ...bare.messages, output_config: { effort: 'max', format } }
    const chat = translate('messages', 'chat', body)
    assert.equal(Reflect.get(chat, 'reasoning_effort'), 'max')
    assert.deepEqual(Reflect.get(chat, 'response_format'), {
      type: 'json_schema',
      json_schema: { name: 'reply', schema, strict: true },
    })
    const back = translate('chat', 'messages', chat)
    assert.deepEqual(Reflect.get(back, 'output_config'), body.output_config)
    const none = translate('chat', 'messages', { ...bare.chat, reasoning_effort: 'none' })
    assert.deepEqual(Reflect.get(none, 'thinking'), { type: 'disabled' })
  })
})
