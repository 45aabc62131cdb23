// The official `@anthropic-ai/sdk` client.
import assert from 'node:assert/strict'
import Anthropic, { BadRequestError, PermissionDeniedError } from '@anthropic-ai/sdk'
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod'
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
const tools = [{ name: toolName, description: toolAbout, input_schema: citySchema }]
const maxTokens = 4000

function open({ url, apiKey }: Ground): Anthropic {
  // The client adds the version to the path itself.
  return new Anthropic({ baseURL: url, apiKey, maxRetries: 0 })
}

function ask(ground: Ground, content: string) {
  const messages = [{ role: 'user' as const, content }]
  return { model: ground.model, max_tokens: maxTokens, messages }
}

function textOf({ content }: Anthropic.Message): string {
  return content.map((block) => (block.type === 'text' ? block.text : '')).join('')
}

function inputOf({ usage }: Anthropic.Message): number {
  const { cache_creation_input_tokens: written, cache_read_input_tokens: read } = usage
  return usage.input_tokens + (written ?? 0) + (read ?? 0)
}

async function toolLoop(ground: Ground, asked: string, expected: string): Promise<void> {
  const client = open(ground)
  const request = { ...ask(ground, asked), system, tools }
  const first = await client.messages.stream(request).finalMessage()
  assert.equal(first.stop_reason, 'tool_use')
  const calls = first.content.filter((block) => block.type === 'tool_use')
  const results = calls.map((call) => ({
    type: 'tool_result' as const,
    tool_use_id: call.id,
    content: weather(cityOf(call.input)),
  }))
  const second = await client.messages.create({
    ...request,
    messages: [
      ...request.messages,
      { role: 'assistant', content: first.content },
      { role: 'user', content: results },
    ],
  })
  assert.equal(textOf(second), expected)
  assertUsage(ground, { input: inputOf(second), output: second.usage.output_tokens })
}

async function sees(ground: Ground, kind: 'image' | 'document'): Promise<void> {
  const block: Anthropic.ContentBlockParam =
    kind === 'image'
      ? {
          type: 'image',
          source: { type: 'base64', media_type: 'image/png', data: png.toString('base64') },
        }
      : {
          type: 'document',
          title: 'one.pdf',
          source: { type: 'base64', media_type: 'application/pdf', data: pdf.toString('base64') },
        }
  const reply = await open(ground).messages.create({
    model: ground.model,
    max_tokens: maxTokens,
    messages: [{ role: 'user', content: [block, { type: 'text', text: 'What is it?' }] }],
  })
  assertSeen(textOf(reply), kind, kind === 'image' ? png : pdf)
}

export const anthropicSdk: MatrixClient = {
  name: '@anthropic-ai/sdk',
  packages: ['@anthropic-ai/sdk'],
  api: 'messages',
  features: {
    chat: async (ground) => {
      const reply = await open(ground).messages.create({ ...ask(ground, sayLine), system })
      assert.equal(textOf(reply), line)
      assert.equal(reply.stop_reason, 'end_turn')
      assertUsage(ground, { input: inputOf(reply), output: reply.usage.output_tokens })
    },
    stream: async (ground) => {
      const stream = open(ground).messages.stream(ask(ground, sayLine))
      let pieces = 0
      stream.on('text', () => {
        pieces += 1
      })
      const reply = await stream.finalMessage()
      assert.equal(textOf(reply), line)
      assert.ok(pieces > 1, 'the text came in one piece')
      assert.equal(reply.stop_reason, 'end_turn')
      assertUsage(ground, { input: inputOf(reply), output: reply.usage.output_tokens })
    },
    tools: (ground) => toolLoop(ground, callOne, afterOne),
    'parallel tools': (ground) => toolLoop(ground, callTwo, afterTwo),
    reasoning: async (ground) => {
      const reply = await open(ground).messages.stream(ask(ground, thinkAndSay)).finalMessage()
      assert.equal(textOf(reply), line)
      const told = { input: inputOf(reply), output: reply.usage.output_tokens }
      assertReasonedUsage(ground, told)
    },
    'structured output': async (ground) => {
      const reply = await open(ground).messages.parse({
        ...ask(ground, 'What is the weather?'),
        output_config: { format: zodOutputFormat(schema) },
      })
      assert.equal(typeof reply.parsed_output?.degrees, 'number')
    },
    abort: async (ground) => {
      const request = { ...ask(ground, writeMuch), model: `${ground.model}-slow`, stream: true }
      const stream = await open(ground).messages.create({ ...request, stream: true })
      let pieces = 0
      for await (const event of stream) {
        if (event.type === 'content_block_delta') pieces += 1
        if (pieces === 4) stream.controller.abort()
      }
      await assertAborted(ground)
    },
    error: (ground) =>
      assertFails(
        open(ground).messages.create({
          ...ask(ground, sayLine),
          model: `${ground.model}-forbidden`,
        }),
        (thrown) => {
          assert.ok(thrown instanceof PermissionDeniedError, String(thrown))
          // Its own fields have no code: it stands in the error's body.
          assert.match(JSON.stringify(thrown.error), /"policy\.denied"/)
        },
      ),
    'upstream error': (ground) =>
      assertFails(
        open(ground).messages.create({ ...ask(ground, sayLine), model: `${ground.model}-failing` }),
        (thrown) => {
          assert.ok(thrown instanceof BadRequestError, String(thrown))
          assert.match(thrown.message, /a fake 400/)
        },
      ),
    image: (ground) => sees(ground, 'image'),
    document: (ground) => sees(ground, 'document'),
  },
}
