// The official clients straight against the fake provider: so it is known to speak the wires.
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import Anthropic, { APIError as AnthropicError } from '@anthropic-ai/sdk'
import OpenAI, { APIError as OpenAIError, BadRequestError } from 'openai'
import { zodTextFormat } from 'openai/helpers/zod'
import { z } from 'zod'
import { startFakeProvider } from '../../examples/provider/server.ts'

const provider = await startFakeProvider()
after(() => provider[Symbol.asyncDispose]())

const options = { apiKey: 'sk-fake', maxRetries: 0 }
const openai = new OpenAI({ ...options, baseURL: `${provider.url}/openai/v1` })
const anthropic = new Anthropic({ ...options, baseURL: `${provider.url}/anthropic` })

const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const chatTool = { type: 'function', function: { name: 'get_weather', parameters } } as const
const twoCalls =
  'Please call get_weather with {"city":"Oslo"} and call get_weather with {"city":"Rome"}'

const bases = {
  openai: `${provider.url}/openai/v1`,
  ollama: `${provider.url}/ollama/v1`,
  vllm: `${provider.url}/vllm/v1`,
  'llama.cpp': `${provider.url}/llama.cpp/v1`,
  azure: `${provider.url}/azure/openai/v1`,
  gemini: `${provider.url}/gemini/v1beta/openai`,
}

describe('chat completions of each flavour, with the official client', () => {
  for (const [flavour, baseURL] of Object.entries(bases)) {
    const defaultHeaders = flavour === 'azure' ? { 'api-key': 'sk-fake' } : {}
    const client = new OpenAI({ ...options, baseURL, defaultHeaders })

    test(`${flavour}: text, plain and streamed, with the usage that the books have`, async () => {
      const messages = [{ role: 'user', content: 'Say exactly: aye, captain' }] as const
      const plain = await client.chat.completions.create({ model: 'fake', messages: [...messages] })
      assert.equal(plain.choices[0]?.message.content, 'aye, captain')
      assert.equal(plain.choices[0]?.finish_reason, 'stop')
      assert.equal(plain.usage?.completion_tokens, provider.books.last()?.outputTokens)
      assert.equal(plain.usage?.prompt_tokens, provider.books.last()?.promptTokens)
      const stream = client.chat.completions.stream({
        model: 'fake',
        messages: [...messages],
        stream_options: { include_usage: true },
      })
      const streamed = await stream.finalChatCompletion()
      assert.equal(streamed.choices[0]?.message.content, 'aye, captain')
      assert.equal((await stream.totalUsage()).completion_tokens, 3)
    })

    test(`${flavour}: two tool calls at once, streamed`, async () => {
      const stream = await client.chat.completions.create({
        model: 'fake',
        messages: [{ role: 'user', content: twoCalls }],
        tools: [chatTool],
        stream: true,
      })
      const calls: { id: string; args: string }[] = []
      let finish: string | null = null
      for await (const { choices } of stream) {
        const [choice] = choices
        finish = choice?.finish_reason ?? finish
        for (const call of choice?.delta.tool_calls ?? []) {
          if (call.id !== undefined) calls.push({ id: call.id, args: '' })
          const open = calls.at(-1)
          if (open !== undefined) open.args += call.function?.arguments ?? ''
        }
      }
      assert.deepEqual(
        calls.map(({ args }) => JSON.parse(args)),
        [{ city: 'Oslo' }, { city: 'Rome' }],
      )
      assert.equal(new Set(calls.map(({ id }) => id)).size, 2)
      assert.equal(finish, flavour === 'gemini' ? 'stop' : 'tool_calls')
    })
  }

  test('the loop is closed with the results of the tools', async () => {
    const ask = { role: 'user', content: twoCalls } as const
    const first = await openai.chat.completions.create({
      model: 'fake',
      messages: [ask],
      tools: [chatTool],
    })
    const message = first.choices[0]?.message
    assert.ok(message?.tool_calls)
    const results = message.tool_calls.map(
      ({ id }, n) => ({ role: 'tool', tool_call_id: id, content: `sun ${n}` }) as const,
    )
    const second = await openai.chat.completions.create({
      model: 'fake',
      messages: [ask, message, ...results],
      tools: [chatTool],
    })
    assert.equal(second.choices[0]?.message.content, 'The tools answered: sun 0 | sun 1')
  })

  test('a result without its call is refused, as are fields that do not exist', async () => {
    const orphan = { role: 'tool', tool_call_id: 'nobody', content: 'x' } as const
    await assert.rejects(
      openai.chat.completions.create({ model: 'fake', messages: [orphan] }),
      (thrown) => thrown instanceof BadRequestError,
    )
    const strange = { model: 'fake', messages: [{ role: 'user' as const, content: 'x' }], topk: 1 }
    await assert.rejects(openai.chat.completions.create(strange), /Unknown parameter: 'topk'/)
  })

  test('generation stops at the limit, and reasoning is billed', async () => {
    const request = {
      model: 'gpt-5-fake',
      messages: [{ role: 'user' as const, content: 'Write 500 tokens' }],
      max_completion_tokens: 64,
      reasoning_effort: 'low' as const,
    }
    const reply = await openai.chat.completions.create(request)
    assert.equal(reply.choices[0]?.finish_reason, 'length')
    assert.equal(reply.usage?.completion_tokens, 64)
    assert.ok((reply.usage.completion_tokens_details?.reasoning_tokens ?? 0) > 0)
    assert.equal(provider.books.last()?.outputTokens, 64)
  })

  test('a refusal has a place of its own', async () => {
    const reply = await openai.chat.completions.create({
      model: 'fake',
      messages: [{ role: 'user', content: 'Please refuse this' }],
    })
    assert.equal(reply.choices[0]?.message.content, null)
    assert.match(reply.choices[0]?.message.refusal ?? '', /cannot help/)
  })

  test('a long prompt that comes again is read from the cache', async () => {
    const messages = [
      { role: 'user' as const, content: `Say exactly: hi\n${'ballast '.repeat(800)}` },
    ]
    await openai.chat.completions.create({ model: 'fake', messages })
    const again = await openai.chat.completions.create({ model: 'fake', messages })
    const cached = again.usage?.prompt_tokens_details?.cached_tokens ?? 0
    assert.ok(cached >= 1024 && cached % 128 === 0, String(cached))
  })
})

describe('responses, embeddings and models', () => {
  test('text, plain and streamed', async () => {
    const input = 'Say exactly: aye, captain'
    const plain = await openai.responses.create({ model: 'fake', input })
    assert.equal(plain.output_text, 'aye, captain')
    assert.equal(plain.usage?.output_tokens, provider.books.last()?.outputTokens)
    const stream = openai.responses.stream({ model: 'fake', input })
    let text = ''
    for await (const event of stream) {
      if (event.type === 'response.output_text.delta') text += event.delta
    }
    assert.equal(text, 'aye, captain')
    const final = await stream.finalResponse()
    assert.equal(final.status, 'completed')
    assert.equal(final.usage?.output_tokens, 3)
  })

  test('parallel calls, their results, and a value that fits a schema', async () => {
    const tool = { type: 'function', name: 'get_weather', parameters, strict: false } as const
    const first = await openai.responses.create({ model: 'fake', input: twoCalls, tools: [tool] })
    const calls = first.output.filter((item) => item.type === 'function_call')
    assert.deepEqual(
      calls.map((call) => JSON.parse(call.arguments)),
      [{ city: 'Oslo' }, { city: 'Rome' }],
    )
    const outputs = calls.map(
      ({ call_id }) => ({ type: 'function_call_output', call_id, output: 'rain' }) as const,
    )
    const second = await openai.responses.create({
      model: 'fake',
      input: [{ role: 'user', content: twoCalls }, ...calls, ...outputs],
      tools: [tool],
    })
    assert.equal(second.output_text, 'The tools answered: rain | rain')
    const kept = await openai.responses.create({
      model: 'fake',
      previous_response_id: first.id,
      input: outputs,
      tools: [tool],
    })
    assert.equal(kept.output_text, 'The tools answered: rain | rain')
    const schema = z.object({ city: z.string(), degrees: z.number(), sunny: z.boolean() })
    const parsed = await openai.responses.parse({
      model: 'fake',
      input: 'Weather?',
      text: { format: zodTextFormat(schema, 'weather') },
    })
    assert.equal(typeof parsed.output_parsed?.degrees, 'number')
  })

  test('embeddings are unit vectors, the same for the same text', async () => {
    const { data, usage } = await openai.embeddings.create({
      model: 'fake-embedding',
      input: ['one text', 'one text', 'another'],
      dimensions: 64,
    })
    const [a, b, c] = data.map(({ embedding }) => embedding)
    assert.equal(a?.length, 64)
    assert.deepEqual(a, b)
    assert.notDeepEqual(a, c)
    assert.ok(Math.abs(Math.hypot(...(a ?? [])) - 1) < 1e-5)
    assert.equal(usage.prompt_tokens, 6)
  })

  test('models are listed in both shapes', async () => {
    const names: string[] = []
    for await (const { id } of openai.models.list()) names.push(id)
    assert.deepEqual(names, ['fake-large', 'fake-small', 'fake-embedding'])
    assert.equal((await anthropic.models.retrieve('fake-large')).display_name, 'Fake fake-large')
  })
})

describe('messages', () => {
  const tool = { name: 'get_weather', input_schema: parameters }
  const base = { model: 'fake', max_tokens: 1000 }

  test('text, plain and streamed, and its tokens counted before', async () => {
    const messages = [{ role: 'user' as const, content: 'Say exactly: aye, captain' }]
    const counted = await anthropic.messages.countTokens({ model: 'fake', messages })
    const plain = await anthropic.messages.create({ ...base, messages })
    assert.deepEqual(
      plain.content.map((block) => block.type === 'text' && block.text),
      ['aye, captain'],
    )
    assert.equal(plain.usage.input_tokens, counted.input_tokens)
    const final = await anthropic.messages.stream({ ...base, messages }).finalMessage()
    assert.equal(final.stop_reason, 'end_turn')
    assert.equal(final.usage.output_tokens, 3)
  })

  test('parallel calls streamed, with thinking before them, and their results', async () => {
    const ask = { role: 'user' as const, content: twoCalls }
    const first = await anthropic.messages
      .stream({
        ...base,
        max_tokens: 4000,
        thinking: { type: 'enabled', budget_tokens: 1024 },
        messages: [ask],
        tools: [{ ...tool, input_schema: { ...parameters, type: 'object' } }],
      })
      .finalMessage()
    assert.equal(first.content[0]?.type, 'thinking')
    assert.equal(first.stop_reason, 'tool_use')
    const calls = first.content.filter((block) => block.type === 'tool_use')
    assert.deepEqual(
      calls.map(({ input }) => input),
      [{ city: 'Oslo' }, { city: 'Rome' }],
    )
    const results = calls.map(({ id }) => ({
      type: 'tool_result' as const,
      tool_use_id: id,
      content: 'fog',
    }))
    const second = await anthropic.messages.create({
      ...base,
      messages: [
        ask,
        { role: 'assistant', content: first.content },
        { role: 'user', content: results },
      ],
    })
    assert.deepEqual(
      second.content.map((block) => block.type === 'text' && block.text),
      ['The tools answered: fog | fog'],
    )
  })

  test('what is marked for the cache is written once and read after', async () => {
    const system = [
      {
        type: 'text' as const,
        text: 'rules '.repeat(1000),
        cache_control: { type: 'ephemeral' as const },
      },
    ]
    const messages = [{ role: 'user' as const, content: 'Say exactly: hi' }]
    const first = await anthropic.messages.create({ ...base, system, messages })
    const second = await anthropic.messages.create({ ...base, system, messages })
    assert.equal(first.usage.cache_creation_input_tokens, 1500)
    assert.equal(second.usage.cache_read_input_tokens, 1500)
    assert.equal(second.usage.input_tokens, first.usage.input_tokens)
  })

  test('images and documents are acknowledged by their bytes', async () => {
    const png = Buffer.from('not really a picture').toString('base64')
    const reply = await anthropic.messages.create({
      ...base,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } },
            { type: 'text', text: 'What is it?' },
          ],
        },
      ],
    })
    const [block] = reply.content
    assert.match(block?.type === 'text' ? block.text : '', /image image\/png of 20 bytes, sha256 /)
  })

  test("errors are the client's own classes", async () => {
    const messages = [{ role: 'user' as const, content: 'x' }]
    await assert.rejects(
      anthropic.messages.create({ ...base, model: 'fake!status-529', messages }),
      (thrown) => thrown instanceof AnthropicError && thrown.status === 529,
    )
    await assert.rejects(
      openai.chat.completions.create({ model: 'fake!retry-after-seconds:seconds=7', messages }),
      (thrown) => thrown instanceof OpenAIError && thrown.headers?.get('retry-after') === '7',
    )
    const stream = anthropic.messages.stream({ ...base, model: 'fake!error-event', messages })
    await assert.rejects(stream.finalMessage(), /a fake error/)
  })
})

test('a stream that is aborted is billed as far as it was generated', async () => {
  const model = 'fake!latency:ms=0,chunkMs=5'
  const messages = [{ role: 'user' as const, content: 'Write 4000 tokens' }]
  const stream = await openai.chat.completions.create({ model, messages, stream: true })
  let chunks = 0
  for await (const _ of stream) {
    chunks += 1
    if (chunks === 5) break
  }
  while (provider.books.last()?.outcome === 'open') await sleep(5)
  const entry = provider.books.last()
  assert.equal(entry?.outcome, 'aborted')
  assert.ok(entry.outputTokens >= 12 && entry.outputTokens < 1000, String(entry.outputTokens))
})
