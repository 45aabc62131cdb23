// The official `openai` client: chat completions, responses, embeddings.
import assert from 'node:assert/strict'
import OpenAI, { APIError, BadRequestError, PermissionDeniedError } from 'openai'
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod'
import { z } from 'zod'
import {
  afterOne,
  afterTwo,
  assertAborted,
  assertFails,
  assertReasonedUsage,
  assertSeen,
  assertUsage,
  callOne,
  callTwo,
  cityOf,
  citySchema,
  type Ground,
  line,
  type MatrixClient,
  pdf,
  png,
  sayLine,
  system,
  thinkAndSay,
  toolAbout,
  toolName,
  weather,
  writeMuch,
} from './feature.ts'

const schema = z.object({ city: z.string(), degrees: z.number(), sunny: z.boolean() })
const imageUrl = `data:image/png;base64,${png.toString('base64')}`
const pdfUrl = `data:application/pdf;base64,${pdf.toString('base64')}`
const chatTool = {
  type: 'function' as const,
  function: { name: toolName, description: toolAbout, parameters: citySchema, strict: true },
}
const responsesTool = {
  type: 'function' as const,
  name: toolName,
  description: toolAbout,
  parameters: citySchema,
  strict: true,
}

function open({ url, apiKey }: Ground): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 })
}

function user(content: string) {
  return { role: 'user' as const, content }
}

function checkForbidden(thrown: unknown): void {
  assert.ok(thrown instanceof PermissionDeniedError, String(thrown))
  assert.equal(thrown.code, 'policy.denied')
}

function checkUpstream(thrown: unknown): void {
  assert.ok(thrown instanceof BadRequestError, String(thrown))
  assert.match(thrown.message, /a fake 400/)
}

async function chatTools(ground: Ground, ask: string, expected: string): Promise<void> {
  const client = open(ground)
  const { model } = ground
  const messages = [{ role: 'system' as const, content: system }, user(ask)]
  const tools = [chatTool]
  // Streamed: the fragments of parallel calls must find together again.
  const stream = client.chat.completions.stream({ model, messages, tools })
  const { message, finish_reason: finish } = (await stream.finalChatCompletion()).choices[0] ?? {}
  assert.ok(message !== undefined)
  if (ground.upstream.name !== 'gemini') assert.equal(finish, 'tool_calls')
  const calls = (message.tool_calls ?? []).filter((call) => call.type === 'function')
  const results = calls.map((call) => ({
    role: 'tool' as const,
    tool_call_id: call.id,
    content: weather(cityOf(call.function.arguments)),
  }))
  const said = {
    role: 'assistant' as const,
    tool_calls: calls,
    content: message.content,
  }
  const second = await client.chat.completions.create({
    model,
    tools,
    messages: [...messages, said, ...results],
  })
  assert.equal(second.choices[0]?.message.content, expected)
  assertUsage(ground, {
    input: second.usage?.prompt_tokens,
    output: second.usage?.completion_tokens,
  })
}

type ChatPart = OpenAI.Chat.Completions.ChatCompletionContentPart

async function chatSees(ground: Ground, kind: 'image' | 'document'): Promise<void> {
  const part: ChatPart =
    kind === 'image'
      ? { type: 'image_url', image_url: { url: imageUrl } }
      : { type: 'file', file: { filename: 'one.pdf', file_data: pdfUrl } }
  const reply = await open(ground).chat.completions.create({
    model: ground.model,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'What is it?' }, part] }],
  })
  assertSeen(reply.choices[0]?.message.content ?? '', kind, kind === 'image' ? png : pdf)
}

export const openaiChat: MatrixClient = {
  name: 'openai (chat)',
  packages: ['openai'],
  api: 'chat',
  features: {
    chat: async (ground) => {
      const reply = await open(ground).chat.completions.create({
        model: ground.model,
        messages: [{ role: 'system', content: system }, user(sayLine)],
      })
      const [choice] = reply.choices
      assert.equal(choice?.message.content, line)
      assert.equal(choice.finish_reason, 'stop')
      const { usage } = reply
      assertUsage(ground, { input: usage?.prompt_tokens, output: usage?.completion_tokens })
    },
    stream: async (ground) => {
      const stream = await open(ground).chat.completions.create({
        model: ground.model,
        messages: [user(sayLine)],
        stream: true,
        stream_options: { include_usage: true },
      })
      let text = ''
      let pieces = 0
      let finish: string | null = null
      let usage: OpenAI.CompletionUsage | null | undefined
      for await (const chunk of stream) {
        const [choice] = chunk.choices
        text += choice?.delta.content ?? ''
        if ((choice?.delta.content ?? '') !== '') pieces += 1
        finish = choice?.finish_reason ?? finish
        usage = chunk.usage ?? usage
      }
      assert.equal(text, line)
      assert.ok(pieces > 1, 'the text came in one piece')
      assert.equal(finish, 'stop')
      assertUsage(ground, { input: usage?.prompt_tokens, output: usage?.completion_tokens })
    },
    tools: (ground) => chatTools(ground, callOne, afterOne),
    'parallel tools': (ground) => chatTools(ground, callTwo, afterTwo),
    reasoning: async (ground) => {
      const stream = open(ground).chat.completions.stream({
        model: ground.model,
        messages: [user(thinkAndSay)],
        stream_options: { include_usage: true },
      })
      const { choices } = await stream.finalChatCompletion()
      assert.equal(choices[0]?.message.content, line)
      const usage = await stream.totalUsage()
      assertReasonedUsage(ground, { input: usage.prompt_tokens, output: usage.completion_tokens })
    },
    'structured output': async (ground) => {
      const reply = await open(ground).chat.completions.parse({
        model: ground.model,
        messages: [user('What is the weather?')],
        response_format: zodResponseFormat(schema, 'weather'),
      })
      assert.equal(typeof reply.choices[0]?.message.parsed?.degrees, 'number')
    },
    abort: async (ground) => {
      const stream = await open(ground).chat.completions.create({
        model: `${ground.model}-slow`,
        messages: [user(writeMuch)],
        stream: true,
      })
      let pieces = 0
      for await (const chunk of stream) {
        if (chunk.choices[0]?.delta.content) pieces += 1
        if (pieces === 4) stream.controller.abort()
      }
      await assertAborted(ground)
    },
    error: (ground) =>
      assertFails(
        open(ground).chat.completions.create({
          model: `${ground.model}-forbidden`,
          messages: [user(sayLine)],
        }),
        checkForbidden,
      ),
    'upstream error': (ground) =>
      assertFails(
        open(ground).chat.completions.create({
          model: `${ground.model}-failing`,
          messages: [user(sayLine)],
        }),
        checkUpstream,
      ),
    image: (ground) => chatSees(ground, 'image'),
    document: (ground) => chatSees(ground, 'document'),
  },
}

async function responsesTools(ground: Ground, ask: string, expected: string): Promise<void> {
  const client = open(ground)
  const { model } = ground
  const shared = { model, instructions: system, tools: [responsesTool], store: false }
  const stream = client.responses.stream({ ...shared, input: [user(ask)] })
  const first = await stream.finalResponse()
  const calls = first.output.filter((item) => item.type === 'function_call')
  const results = calls.map((call) => ({
    type: 'function_call_output' as const,
    call_id: call.call_id,
    output: weather(cityOf(call.arguments)),
  }))
  const said = calls.map(({ type, call_id, name, arguments: args }) => {
    return { type, call_id, name, arguments: args }
  })
  const second = await client.responses.create({
    ...shared,
    input: [user(ask), ...said, ...results],
  })
  assert.equal(second.output_text, expected)
  assertUsage(ground, { input: second.usage?.input_tokens, output: second.usage?.output_tokens })
}

async function responsesSees(ground: Ground, kind: 'image' | 'document'): Promise<void> {
  const part =
    kind === 'image'
      ? { type: 'input_image' as const, image_url: imageUrl, detail: 'auto' as const }
      : { type: 'input_file' as const, filename: 'one.pdf', file_data: pdfUrl }
  const reply = await open(ground).responses.create({
    model: ground.model,
    input: [{ role: 'user', content: [{ type: 'input_text', text: 'What is it?' }, part] }],
  })
  assertSeen(reply.output_text, kind, kind === 'image' ? png : pdf)
}

export const openaiResponses: MatrixClient = {
  name: 'openai (responses)',
  packages: ['openai'],
  api: 'responses',
  features: {
    chat: async (ground) => {
      const reply = await open(ground).responses.create({
        model: ground.model,
        instructions: system,
        input: sayLine,
      })
      assert.equal(reply.output_text, line)
      assert.equal(reply.status, 'completed')
      const { usage } = reply
      assertUsage(ground, { input: usage?.input_tokens, output: usage?.output_tokens })
    },
    stream: async (ground) => {
      const stream = open(ground).responses.stream({ model: ground.model, input: sayLine })
      let text = ''
      let pieces = 0
      for await (const event of stream) {
        if (event.type !== 'response.output_text.delta') continue
        text += event.delta
        pieces += 1
      }
      assert.equal(text, line)
      assert.ok(pieces > 1, 'the text came in one piece')
      const { usage, status } = await stream.finalResponse()
      assert.equal(status, 'completed')
      assertUsage(ground, { input: usage?.input_tokens, output: usage?.output_tokens })
    },
    tools: (ground) => responsesTools(ground, callOne, afterOne),
    'parallel tools': (ground) => responsesTools(ground, callTwo, afterTwo),
    reasoning: async (ground) => {
      const stream = open(ground).responses.stream({ model: ground.model, input: thinkAndSay })
      const { output, usage } = await stream.finalResponse()
      const texts = output.flatMap((item) =>
        item.type === 'message'
          ? item.content.map((part) => (part.type === 'output_text' ? part.text : ''))
          : [],
      )
      assert.equal(texts.join(''), line)
      assertReasonedUsage(ground, { input: usage?.input_tokens, output: usage?.output_tokens })
    },
    'structured output': async (ground) => {
      const reply = await open(ground).responses.parse({
        model: ground.model,
        input: 'What is the weather?',
        text: { format: zodTextFormat(schema, 'weather') },
      })
      assert.equal(typeof reply.output_parsed?.degrees, 'number')
    },
    abort: async (ground) => {
      const stream = await open(ground).responses.create({
        model: `${ground.model}-slow`,
        input: writeMuch,
        stream: true,
      })
      let pieces = 0
      for await (const event of stream) {
        if (event.type === 'response.output_text.delta') pieces += 1
        if (pieces === 4) stream.controller.abort()
      }
      await assertAborted(ground)
    },
    error: (ground) =>
      assertFails(
        open(ground).responses.create({ model: `${ground.model}-forbidden`, input: sayLine }),
        checkForbidden,
      ),
    'upstream error': (ground) =>
      assertFails(
        open(ground).responses.create({ model: `${ground.model}-failing`, input: sayLine }),
        checkUpstream,
      ),
    image: (ground) => responsesSees(ground, 'image'),
    document: (ground) => responsesSees(ground, 'document'),
  },
}

export const openaiEmbeddings: MatrixClient = {
  name: 'openai (embeddings)',
  packages: ['openai'],
  api: 'embeddings',
  features: {
    embeddings: async (ground) => {
      const { data, usage } = await open(ground).embeddings.create({
        model: ground.model,
        input: ['one text', 'another text'],
      })
      assert.deepEqual(
        data.map(({ embedding }) => embedding.length),
        [256, 256],
      )
      assertUsage(ground, { input: usage.prompt_tokens, output: 0 })
    },
    error: (ground) =>
      assertFails(
        open(ground).embeddings.create({ model: `${ground.model}-forbidden`, input: 'one text' }),
        checkForbidden,
      ),
    'upstream error': (ground) =>
      assertFails(
        open(ground).embeddings.create({ model: `${ground.model}-failing`, input: 'one text' }),
        (thrown) => {
          assert.ok(thrown instanceof APIError)
          checkUpstream(thrown)
        },
      ),
  },
}
