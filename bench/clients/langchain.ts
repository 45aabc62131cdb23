// LangChain's chat models for OpenAI and Anthropic.
import assert from 'node:assert/strict'
import { ChatAnthropic } from '@langchain/anthropic'
import {
  type AIMessageChunk,
  type BaseMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
} from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { z } from 'zod'
import {
  afterOne,
  afterTwo,
  assertAborted,
  assertFails,
  assertSeen,
  assertUsage,
  callOne,
  callTwo,
  cityOf,
  type Ground,
  lastEntry,
  line,
  type MatrixClient,
  pdf,
  png,
  sayLine,
  system,
  toolAbout,
  toolName,
  weather,
  writeMuch,
} from './feature.ts'

type Open = (ground: Ground, model: string) => ChatOpenAI | ChatAnthropic

const schema = z.object({ city: z.string(), degrees: z.number(), sunny: z.boolean() })
const getWeather = tool(({ city }) => weather(city), {
  name: toolName,
  description: toolAbout,
  schema: z.object({ city: z.string() }),
})

function openOpenai({ url, apiKey }: Ground, model: string, useResponsesApi = false): ChatOpenAI {
  const configuration = { baseURL: `${url}/v1` }
  return new ChatOpenAI({ model, apiKey, configuration, maxRetries: 0, useResponsesApi })
}

function openAnthropic({ url, apiKey }: Ground, model: string): ChatAnthropic {
  return new ChatAnthropic({ model, apiKey, anthropicApiUrl: url, maxRetries: 0, maxTokens: 4000 })
}

type Told = {
  readonly usage_metadata?: { input_tokens: number; output_tokens: number } | undefined
}

function toldBy({ usage_metadata: usage }: Told): Told['usage_metadata'] {
  return usage
}

/** Usage is the largest that a chunk told: summed up by LangChain, Anthropic's first token counts twice. */
async function collect(stream: AsyncIterable<AIMessageChunk>): Promise<{
  whole: AIMessageChunk
  pieces: number
  usage: { input: number; output: number }
}> {
  let whole: AIMessageChunk | undefined
  let pieces = 0
  const usage = { input: 0, output: 0 }
  for await (const chunk of stream) {
    if (chunk.text !== '') pieces += 1
    const told = toldBy(chunk)
    usage.input = Math.max(usage.input, told?.input_tokens ?? 0)
    usage.output = Math.max(usage.output, told?.output_tokens ?? 0)
    whole = whole === undefined ? chunk : whole.concat(chunk)
  }
  assert.ok(whole !== undefined, 'the stream was empty')
  return { whole, pieces, usage }
}

function assertTold(ground: Ground, { usage_metadata: usage }: Told): void {
  assertUsage(ground, { input: usage?.input_tokens, output: usage?.output_tokens })
}

async function toolLoop(open: Open, ground: Ground, ask: string, expected: string): Promise<void> {
  const model = open(ground, ground.model).bindTools([getWeather])
  const messages: BaseMessage[] = [new SystemMessage(system), new HumanMessage(ask)]
  const { whole } = await collect(await model.stream(messages))
  const results = (whole.tool_calls ?? []).map(
    ({ id, args }) => new ToolMessage({ tool_call_id: id ?? '', content: weather(cityOf(args)) }),
  )
  const second = await model.invoke([...messages, whole, ...results])
  assert.equal(second.text, expected)
  assertTold(ground, second)
}

async function sees(open: Open, ground: Ground, kind: 'image' | 'document'): Promise<void> {
  const bytes = kind === 'image' ? png : pdf
  const data = bytes.toString('base64')
  const seen =
    kind === 'image'
      ? { type: 'image' as const, mimeType: 'image/png', data }
      : {
          type: 'file' as const,
          mimeType: 'application/pdf',
          data,
          metadata: { filename: 'one.pdf' },
        }
  const message = new HumanMessage({ contentBlocks: [{ type: 'text', text: 'What is it?' }, seen] })
  const reply = await open(ground, ground.model).invoke([message])
  assertSeen(reply.text, kind, bytes)
}

/** LangChain passes on the errors of the clients below it. */
function checkError(status: number, pattern: RegExp): (thrown: unknown) => void {
  return (thrown) => {
    assert.ok(thrown instanceof Error, String(thrown))
    assert.equal(Reflect.get(thrown, 'status'), status, thrown.message)
    const body: unknown = Reflect.get(thrown, 'error')
    assert.match(`${thrown.message} ${JSON.stringify(body)}`, pattern)
  }
}

type Usage = Parameters<typeof assertUsage>[1]

function featuresOf(open: Open, assertStreamed = assertUsage): MatrixClient['features'] {
  return {
    chat: async (ground) => {
      const messages = [new SystemMessage(system), new HumanMessage(sayLine)]
      const reply = await open(ground, ground.model).invoke(messages)
      assert.equal(reply.text, line)
      assertTold(ground, reply)
    },
    stream: async (ground) => {
      const { whole, pieces, usage } = await collect(
        await open(ground, ground.model).stream(sayLine),
      )
      assert.equal(whole.text, line)
      assert.ok(pieces > 1, 'the text came in one piece')
      assertStreamed(ground, usage)
    },
    tools: (ground) => toolLoop(open, ground, callOne, afterOne),
    'parallel tools': (ground) => toolLoop(open, ground, callTwo, afterTwo),
    'structured output': async (ground) => {
      const model = open(ground, ground.model).withStructuredOutput(schema)
      const value = await model.invoke('What is the weather?')
      assert.equal(typeof value.degrees, 'number')
    },
    abort: async (ground) => {
      const gone = new AbortController()
      const model = open(ground, `${ground.model}-slow`)
      let pieces = 0
      const read = async (): Promise<void> => {
        for await (const chunk of await model.stream(writeMuch, { signal: gone.signal })) {
          if (chunk.text !== '') pieces += 1
          if (pieces === 4) gone.abort()
        }
      }
      // It tells an abort as an error of its own.
      await read().catch(() => undefined)
      assert.ok(pieces >= 4, `only ${pieces} pieces came`)
      await assertAborted(ground)
    },
    error: (ground) =>
      assertFails(
        open(ground, `${ground.model}-forbidden`).invoke(sayLine),
        checkError(403, /policy\.denied/),
      ),
    'upstream error': (ground) =>
      assertFails(
        open(ground, `${ground.model}-failing`).invoke(sayLine),
        checkError(400, /a fake 400/),
      ),
    image: (ground) => sees(open, ground, 'image'),
    document: (ground) => sees(open, ground, 'document'),
  }
}

/** The other wires tell the prompt only at a stream's end, where this client does not look for it. */
function assertAnthropicStreamed(ground: Ground, usage: Usage): void {
  const isTold = ground.upstream.apis.includes('messages')
  assertUsage(ground, isTold ? usage : { ...usage, input: lastEntry(ground).promptTokens })
}

export const langchainClients: readonly MatrixClient[] = [
  {
    name: '@langchain/openai (chat)',
    packages: ['@langchain/openai', '@langchain/core'],
    api: 'chat',
    features: featuresOf((ground, model) => openOpenai(ground, model)),
  },
  {
    name: '@langchain/openai (responses)',
    packages: ['@langchain/openai', '@langchain/core'],
    api: 'responses',
    features: featuresOf((ground, model) => openOpenai(ground, model, true)),
  },
  {
    name: '@langchain/openai (embeddings)',
    packages: ['@langchain/openai', '@langchain/core'],
    api: 'embeddings',
    features: {
      embeddings: async (ground) => {
        const { url, apiKey, model } = ground
        const configuration = { baseURL: `${url}/v1` }
        const client = new OpenAIEmbeddings({ model, apiKey, configuration, maxRetries: 0 })
        const vectors = await client.embedDocuments(['one text', 'another text'])
        assert.deepEqual(
          vectors.map((vector) => vector.length),
          [256, 256],
        )
      },
    },
  },
  {
    name: '@langchain/anthropic',
    packages: ['@langchain/anthropic', '@langchain/core'],
    api: 'messages',
    features: featuresOf(openAnthropic, assertAnthropicStreamed),
  },
]
